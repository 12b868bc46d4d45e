//! Keeps the beginning and the end of an output of any length. Never holds more than three times its limit.

/// What a command printed, shortened in the middle.
#[derive(Debug, Default)]
pub struct Output {
    /// The beginning.
    pub head: Vec<u8>,
    /// The end; empty while all fits into the head.
    pub tail: Vec<u8>,
    /// Everything that came, in bytes.
    pub total_bytes: u64,
    /// Bytes between head and tail that were not kept.
    pub dropped: u64,
    /// Bytes that head and tail may each hold.
    half: usize,
}

impl Output {
    /// An empty one that keeps at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { half: limit / 2, ..Self::default() }
    }

    /// Takes what came next.
    pub fn push(&mut self, bytes: &[u8]) {
        self.total_bytes += bytes.len() as u64;
        let (first, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend_from_slice(&rest[rest.len().saturating_sub(self.half)..]);
        // Cut now and then only, so that each byte is moved a bounded number of times.
        if self.tail.len() > 2 * self.half {
            self.cut();
        }
        self.dropped = self.total_bytes - (self.head.len() + self.tail.len()) as u64;
    }

    /// Brings the tail to its length when nothing more comes.
    pub fn close(&mut self) {
        if self.tail.len() > self.half {
            self.cut();
        }
        self.dropped = self.total_bytes - (self.head.len() + self.tail.len()) as u64;
    }

    /// As text, with a line where bytes are missing.
    pub fn text(&self) -> String {
        if self.dropped == 0 {
            let all: Vec<u8> = self.head.iter().chain(&self.tail).copied().collect();
            return String::from_utf8_lossy(&all).into_owned();
        }
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&self.tail));
        format!("{head}\n[{} bytes left out]\n{tail}", self.dropped)
    }

    fn cut(&mut self) {
        self.tail.drain(..self.tail.len() - self.half);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(limit: usize, parts: &[&str]) -> Output {
        let mut output = Output::new(limit);
        for part in parts {
            output.push(part.as_bytes());
        }
        output.close();
        output
    }

    #[test]
    fn what_fits_is_kept_whole() {
        let output = pushed(10, &["abc", "defg", "hij"]);
        assert_eq!((output.text().as_str(), output.total_bytes, output.dropped), ("abcdefghij", 10, 0));
    }

    #[test]
    fn a_character_cut_between_head_and_tail_is_whole_again() {
        assert_eq!(pushed(6, &["aé", "éb"]).text(), "aééb");
    }

    #[test]
    fn the_middle_is_dropped_and_counted() {
        for parts in [&["abcdefghijklmnop"][..], &["abc", "defghijkl", "m", "nop"]] {
            let output = pushed(6, parts);
            assert_eq!(output.text(), "abc\n[10 bytes left out]\nnop");
            assert_eq!((output.total_bytes, output.dropped), (16, 10));
        }
    }

    #[test]
    fn nothing_may_be_kept_too() {
        assert_eq!(pushed(0, &["abc"]).text(), "\n[3 bytes left out]\n");
    }

    #[test]
    fn f5_memory_is_bounded_whatever_comes() {
        let mut output = Output::new(1 << 10);
        let block = vec![b'x'; 64 << 10];
        for _ in 0..1 << 10 {
            output.push(&block);
            assert!(output.head.capacity() + output.tail.capacity() <= 4 << 10);
        }
        assert_eq!(output.total_bytes, 64 << 20);
    }
}
