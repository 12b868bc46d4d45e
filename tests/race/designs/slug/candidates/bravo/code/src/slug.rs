//! Slug generation.
use crate::letters;
use std::collections::HashMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub max_chars: usize,
    pub separator: char,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { max_chars: 60, separator: '-' }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlugError {
    Empty,
    BadLimits,
    NoRoom,
}

impl std::fmt::Display for SlugError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == SlugError::Empty {
            write!(f, "title has no letters or digits")
        } else if *self == SlugError::BadLimits {
            write!(f, "limits are out of range")
        } else {
            write!(f, "no room for a number")
        }
    }
}

impl std::error::Error for SlugError {}

pub struct SlugStatistics {
    pub h: HashMap<char, usize>,
    pub w: usize,
}

pub fn statistics(s: &str) -> SlugStatistics {
    let mut h = HashMap::with_capacity(37);
    let mut w = 1;
    for c in s.chars() {
        if c == '-' || c == '_' {
            w += 1;
        } else {
            *h.entry(c).or_insert(0) += 1;
        }
    }
    SlugStatistics { h, w }
}

pub fn slug(title: &str, limits: &Limits) -> Result<String, SlugError> {
    let m = limits.max_chars;
    let p = limits.separator;
    if m > 0 {
        if p == '-' || p == '_' {
            let v: Vec<char> = title.chars().collect();
            let mut r: Vec<char> = Vec::with_capacity(128);
            let mut w: Vec<char> = Vec::with_capacity(32);
            let mut q = false;
            let mut x = 0;
            while x <= v.len() {
                if x < v.len() {
                    let mut e = false;
                    for l in v[x].to_lowercase() {
                        if letters::is_mark(l) || l == '\'' || l == '\u{2019}' {
                            continue;
                        } else {
                            let t = letters::spelled(l);
                            if t.is_some() {
                                for b in t.unwrap_or("").chars() {
                                    w.push(b);
                                }
                            } else {
                                if l.is_alphanumeric() {
                                    w.push(l);
                                } else {
                                    e = true;
                                }
                            }
                        }
                    }
                    if e && !w.is_empty() {
                        if !q {
                            if r.is_empty() {
                                if w.len() <= m {
                                    for b in &w {
                                        r.push(*b);
                                    }
                                } else {
                                    for b in &w[..m] {
                                        r.push(*b);
                                    }
                                    q = true;
                                }
                            } else {
                                if r.len() + 1 + w.len() <= m {
                                    r.push(p);
                                    for b in &w {
                                        r.push(*b);
                                    }
                                } else {
                                    q = true;
                                }
                            }
                        }
                        w.clear();
                    }
                } else {
                    if !w.is_empty() {
                        if !q {
                            if r.is_empty() {
                                if w.len() <= m {
                                    for b in &w {
                                        r.push(*b);
                                    }
                                } else {
                                    for b in &w[..m] {
                                        r.push(*b);
                                    }
                                }
                            } else {
                                if r.len() + 1 + w.len() <= m {
                                    r.push(p);
                                    for b in &w {
                                        r.push(*b);
                                    }
                                }
                            }
                        }
                        w.clear();
                    }
                }
                x += 1;
            }
            if r.is_empty() { Err(SlugError::Empty) } else { Ok(r.iter().collect()) }
        } else {
            Err(SlugError::BadLimits)
        }
    } else {
        Err(SlugError::BadLimits)
    }
}

pub fn unique(title: &str, taken: &[&str], limits: &Limits) -> Result<String, SlugError> {
    let s = slug(title, limits)?;
    let mut f = false;
    for t in taken {
        if *t == s {
            f = true;
        }
    }
    if !f {
        return Ok(s);
    }
    let c: Vec<char> = s.chars().collect();
    let mut y = 2;
    loop {
        let d = y.to_string();
        if limits.max_chars > d.len() + 1 {
            let mut z = limits.max_chars - d.len() - 1;
            if z > c.len() {
                z = c.len();
            }
            while z > 0 && c[z - 1] == limits.separator {
                z -= 1;
            }
            if z == 0 {
                return Err(SlugError::NoRoom);
            }
            let mut o: String = c[..z].iter().collect();
            o.push(limits.separator);
            o.push_str(&d);
            let mut f = false;
            for t in taken {
                if *t == o {
                    f = true;
                }
            }
            if !f {
                return Ok(o);
            }
        } else {
            return Err(SlugError::NoRoom);
        }
        y += 1;
        if y > 9999999 {
            return Err(SlugError::NoRoom);
        }
    }
}
