//! HTTP/1.1 answers as bytes: head, and a body with a length or in chunks. Knows no socket.

use super::upgrade;

/// The status that comes without a body.
const NO_CONTENT: u16 = 204;

/// Digits of a chunk's size.
const SIZE_DIGITS_MAX: usize = 16;

/// One whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    /// The status code.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: &'a [u8],
}

/// The answer at the start of `bytes` and its length, or `None` when it is not whole yet. A body in chunks is put
/// together in `scratch`.
///
/// # Errors
/// What is wrong with it, in a few words.
pub(crate) fn read<'a>(
    bytes: &'a [u8],
    scratch: &'a mut Vec<u8>,
) -> Result<Option<(Answer<'a>, usize)>, &'static str> {
    let Some(head_bytes) = upgrade::head_bytes(bytes) else { return Ok(None) };
    let head = str::from_utf8(&bytes[..head_bytes]).map_err(|_| "its head is not text")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("no status")?;
    if status == NO_CONTENT {
        return Ok(Some((Answer { status, body: &[] }, head_bytes)));
    }
    let rest = &bytes[head_bytes..];
    if let Some(length) = upgrade::header(head, "content-length") {
        let length: usize = length.parse().map_err(|_| "its length is no number")?;
        let body = rest.get(..length);
        return Ok(body.map(|body| (Answer { status, body }, head_bytes + length)));
    }
    if upgrade::header(head, "transfer-encoding") != Some("chunked") {
        return Err("its body has no end");
    }
    let length = join_chunks(rest, scratch)?;
    Ok(length.map(|length| (Answer { status, body: scratch }, head_bytes + length)))
}

/// Joins all chunks in `body`; the bytes of all, or `None` when the last is not there yet.
fn join_chunks(bytes: &[u8], body: &mut Vec<u8>) -> Result<Option<usize>, &'static str> {
    // Nothing is copied before all is there: a long body would be as often as a part of it comes.
    if each_chunk(bytes, |_| ())?.is_none() {
        return Ok(None);
    }
    body.clear();
    each_chunk(bytes, |chunk| body.extend_from_slice(chunk))
}

fn each_chunk(bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<Option<usize>, &'static str> {
    let mut at = 0;
    loop {
        let line = bytes.get(at..).unwrap_or_default();
        let Some(end) = line.windows(2).take(SIZE_DIGITS_MAX + 1).position(|two| two == b"\r\n")
        else {
            return Ok(None);
        };
        let size = str::from_utf8(&line[..end]).map_err(|_| "a chunk without a size")?;
        let size = usize::from_str_radix(size, 16).map_err(|_| "a chunk without a size")?;
        at += end + 2;
        let Some(chunk) = bytes.get(at..at + size + 2) else { return Ok(None) };
        each(&chunk[..size]);
        at += size + 2;
        if size == 0 {
            return Ok(Some(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_whole_or_not_there_yet() {
        for (text, body) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..], &b"hello"[..]),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
            (b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", b""),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
                b"hello",
            ),
        ] {
            let mut scratch = Vec::new();
            let mut more = text.to_vec();
            more.extend_from_slice(b"HTTP/1.1 4");
            let (answer, length) = read(&more, &mut scratch).unwrap().unwrap();
            assert!(answer.status == 200 || body.is_empty());
            assert_eq!((answer.body, length), (body, text.len()));
            for cut in 0..text.len() {
                assert_eq!(read(&text[..cut], &mut Vec::new()), Ok(None), "{cut}");
            }
        }
    }

    #[test]
    fn what_has_no_end_or_no_number_is_none() {
        for wrong in [
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"nonsense\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ] {
            assert!(read(wrong, &mut Vec::new()).is_err(), "{wrong:?}");
        }
    }
}
