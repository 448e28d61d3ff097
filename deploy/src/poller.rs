//! When to look again: one poller for all stacks of an account and region. However many of them are worked on, one of them
//! is looked at at a time, in turn, so that their number makes each wait longer and AWS no busier.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

/// The queue of those who want to look.
#[derive(Debug)]
pub(crate) struct Poller {
    /// Until when nobody looks.
    next: Mutex<Instant>,
    /// How long nobody looks after somebody has.
    gap: Duration,
    /// How long one waits for the next look: at first, and at most.
    patience: (Duration, Duration),
}

impl Poller {
    /// A poller for AWS, which answers some ten such calls a second, or for an endpoint on loopback, which nobody else uses.
    pub fn new(on_loopback: bool) -> Self {
        let (gap, least, most) = if on_loopback { (0, 10, 100) } else { (100, 250, 5_000) };
        Self {
            next: Mutex::new(Instant::now()),
            gap: Duration::from_millis(gap),
            patience: (Duration::from_millis(least), Duration::from_millis(most)),
        }
    }

    /// Waits for the next look at something that has been worked on for so long: short at first, longer later, and until
    /// it is its turn.
    pub async fn turn(&self, since: Duration) {
        let (least, most) = self.patience;
        sleep((since / 4).clamp(least, most)).await;
        // Who asked first looks first.
        let mut next = self.next.lock().await;
        sleep_until(*next).await;
        *next = Instant::now() + self.gap;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_stacks_make_no_more_calls_than_few() {
        for stacks in [1_u32, 10, 200] {
            let poller = Poller::new(false);
            let start = Instant::now();
            let looks = join_all((0..stacks).map(async |_| {
                let mut looks = 0;
                while start.elapsed() < Duration::from_secs(60) {
                    poller.turn(start.elapsed()).await;
                    looks += 1;
                }
                looks
            }))
            .await;
            let (all, least): (u32, u32) = (looks.iter().sum(), looks.iter().copied().min().unwrap_or(0));
            // Ten a second, and nobody is forgotten.
            assert!(all <= 600 + stacks, "{stacks} stacks were looked at {all} times");
            assert!(least >= (600 / stacks).min(10), "one of {stacks} stacks was looked at {least} times");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_is_soon_at_first_and_seldom_later() {
        let poller = Poller::new(false);
        let waited = async |since| {
            let start = Instant::now();
            poller.turn(Duration::from_secs(since)).await;
            start.elapsed()
        };
        assert_eq!(waited(0).await, Duration::from_millis(250));
        assert_eq!(waited(8).await, Duration::from_secs(2));
        assert_eq!(waited(3_600).await, Duration::from_secs(5));
    }
}
