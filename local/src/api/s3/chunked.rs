//! The encoding `aws-chunked`: content in pieces, with signatures and checksums between them.

/// The content, and the headers after it.
type Decoded = (Vec<u8>, Vec<(String, String)>);

/// Returns the content without the pieces' headers, and the trailing headers. `None` if the body ends too early.
pub(crate) fn decode(body: &[u8]) -> Option<Decoded> {
    let mut content = Vec::with_capacity(body.len());
    let mut rest = body;
    loop {
        let (line, after) = line(rest)?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = after;
        if size == 0 {
            break;
        }
        content.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
    let mut trailers = Vec::new();
    while let Some((text, after)) = line(rest) {
        if let Some((name, value)) = text.split_once(':') {
            trailers.push((name.trim().to_lowercase(), value.trim().to_owned()));
        }
        rest = after;
    }
    Some((content, trailers))
}

fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 2..]))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn pieces_are_joined_and_trailers_are_read() {
        let sent = b"5;chunk-signature=x\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32:abc\r\n\r\n";
        let (content, trailers) = decode(sent).unwrap();
        assert_eq!(content, b"hello!");
        assert_eq!(trailers, [("x-amz-checksum-crc32".to_owned(), "abc".to_owned())]);
    }

    #[test]
    fn a_body_that_ends_too_early_is_refused() {
        assert_eq!(decode(b"5\r\nhel"), None);
        assert_eq!(decode(b"zz\r\n"), None);
        assert_eq!(decode(b"5\r\nhelloXX0\r\n"), None);
    }
}
