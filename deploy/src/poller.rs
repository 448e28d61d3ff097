//! The time of the next request to CloudFormation: one poller for all stacks of an account and region. The stacks are
//! polled one after the other, so that more stacks lead to longer waits and not to more requests.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

/// The queue of the stacks that wait for the next request.
#[derive(Debug)]
pub(crate) struct Poller {
    /// The earliest time of the next request.
    next: Mutex<Instant>,
    /// The time between two requests.
    interval: Duration,
    /// The shortest and the longest delay before a stack is polled again.
    delay: (Duration, Duration),
}

impl Poller {
    /// Returns a poller for AWS, which allows about ten such requests in a second, or for an endpoint on loopback, which
    /// has no other users.
    pub fn new(on_loopback: bool) -> Self {
        let (interval, shortest, longest) = if on_loopback { (0, 10, 100) } else { (100, 250, 5_000) };
        Self {
            next: Mutex::new(Instant::now()),
            interval: Duration::from_millis(interval),
            delay: (Duration::from_millis(shortest), Duration::from_millis(longest)),
        }
    }

    /// Waits until a stack may be polled again whose operation has been running for `elapsed`: a quarter of that time
    /// within the limits, and then until it is its turn.
    pub async fn wait(&self, elapsed: Duration) {
        let (shortest, longest) = self.delay;
        sleep((elapsed / 4).clamp(shortest, longest)).await;
        // The lock is fair: stacks are polled in the order in which they request it.
        let mut next = self.next.lock().await;
        sleep_until(*next).await;
        *next = Instant::now() + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_stacks_lead_to_no_more_requests_than_few() {
        for stacks in [1_u32, 10, 200] {
            let poller = Poller::new(false);
            let start = Instant::now();
            let requests = join_all((0..stacks).map(async |_| {
                let mut requests = 0;
                while start.elapsed() < Duration::from_secs(60) {
                    poller.wait(start.elapsed()).await;
                    requests += 1;
                }
                requests
            }))
            .await;
            let (all, fewest): (u32, u32) =
                (requests.iter().sum(), requests.iter().copied().min().unwrap_or(0));
            assert!(all <= 600 + stacks, "{all} requests for {stacks} stacks");
            assert!(fewest >= (600 / stacks).min(10), "{fewest} requests for one of {stacks} stacks");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_delay_grows_with_the_time_that_the_operation_takes() {
        let poller = Poller::new(false);
        let waited = async |elapsed| {
            let start = Instant::now();
            poller.wait(Duration::from_secs(elapsed)).await;
            start.elapsed()
        };
        assert_eq!(waited(0).await, Duration::from_millis(250));
        assert_eq!(waited(8).await, Duration::from_secs(2));
        assert_eq!(waited(3_600).await, Duration::from_secs(5));
    }
}
