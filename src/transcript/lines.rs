//! Opens files that other programs write, and walks their lines in large reads: any size, any content, one buffer.
//! Only regular files are opened, never a FIFO or a device, and a line of any length costs at most [`MAX_LINE`].

use std::io::{self, Read};

use memchr::memchr_iter;

/// Longest line that is looked at, in bytes; the client's longest are some megabytes (pasted images).
pub const MAX_LINE: usize = 64 << 20;

/// Size of one read, in bytes: large enough that system calls do not show, small enough to stay in the cache.
const CHUNK: usize = 256 << 10;

/// Calls `visit` with each line that is not empty, without its line ending; the last one may lack it.
/// Returns how many lines were longer than [`MAX_LINE`] and left out. The buffer is kept for the next file.
pub fn each_line(
    mut source: impl Read,
    buffer: &mut Vec<u8>,
    mut visit: impl FnMut(&[u8]),
) -> io::Result<u64> {
    let mut too_long = 0;
    let mut skipping = false;
    let mut kept = 0;
    if buffer.len() < CHUNK {
        buffer.resize(CHUNK, 0);
    }
    loop {
        let read = match source.read(&mut buffer[kept..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if read == 0 {
            break;
        }
        let filled = kept + read;
        let mut start = 0;
        for offset in memchr_iter(b'\n', &buffer[kept..filled]) {
            let end = kept + offset;
            if !std::mem::take(&mut skipping) {
                hand_over(&buffer[start..end], &mut visit);
            }
            start = end + 1;
        }
        buffer.copy_within(start..filled, 0);
        kept = if skipping { 0 } else { filled - start };
        if kept > MAX_LINE {
            (too_long, skipping, kept) = (too_long + 1, true, 0);
        } else if kept == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
    }
    if !skipping {
        hand_over(&buffer[..kept], &mut visit);
    }
    if buffer.len() > 16 * CHUNK {
        buffer.truncate(CHUNK);
        buffer.shrink_to_fit();
    }
    Ok(too_long)
}

fn hand_over(line: &[u8], visit: &mut impl FnMut(&[u8])) {
    let line = line.trim_ascii();
    if !line.is_empty() {
        visit(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(source: impl Read) -> (Vec<usize>, u64) {
        let mut lengths = Vec::new();
        let too_long = each_line(source, &mut Vec::new(), |line| lengths.push(line.len())).expect("reads");
        (lengths, too_long)
    }

    #[test]
    fn lines_across_reads_crlf_blank_lines_and_a_missing_end_are_whole() {
        let mut text = vec![b'a'; CHUNK - 1];
        text.extend_from_slice(b"\r\n\n  \nbb\n");
        text.extend(vec![b'c'; 3 * CHUNK]);
        assert_eq!(lines(text.as_slice()), (vec![CHUNK - 1, 2, 3 * CHUNK], 0));
        assert_eq!(lines(&b""[..]), (vec![], 0));
    }

    #[test]
    fn b6_a_line_beyond_the_limit_is_left_out_and_the_next_one_read() {
        let long = io::repeat(b'x').take(MAX_LINE as u64 * 2 + 7);
        assert_eq!(lines(long.chain(&b"\nnext\n"[..])), (vec![4], 1));
    }
}
