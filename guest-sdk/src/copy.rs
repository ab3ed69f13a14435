//! Copies and comparisons of few bytes, in blocks and words. In a component `memory.copy` is a call of the runtime, and a comparison goes byte by byte;
//! keys and counters are too short for that.

/// What is longer is left to the runtime: for it a call is little.
const FEW: usize = 127;

/// Appends bytes, of which there are mostly few.
#[inline]
pub(crate) fn append(to: &mut Vec<u8>, bytes: &[u8]) {
    match <&[u8; 8]>::try_from(bytes) {
        Ok(word) => to.extend_from_slice(word),
        Err(_) => append_any(to, bytes),
    }
}

/// Without a loop: at the end of each round the runtime looks at the clock.
fn append_any(to: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > FEW {
        return to.extend_from_slice(bytes);
    }
    let rest = append_block::<64>(to, bytes);
    let rest = append_block::<32>(to, rest);
    let rest = append_block::<16>(to, rest);
    let rest = append_block::<8>(to, rest);
    let rest = append_block::<4>(to, rest);
    let rest = append_block::<2>(to, rest);
    append_block::<1>(to, rest);
}

/// Appends so many bytes where there are as many, and gives the rest.
#[inline(always)]
fn append_block<'b, const BYTES: usize>(to: &mut Vec<u8>, bytes: &'b [u8]) -> &'b [u8] {
    match bytes.split_first_chunk::<BYTES>() {
        Some((block, rest)) => {
            to.extend_from_slice(block);
            rest
        }
        None => bytes,
    }
}

/// Writes bytes over as many.
pub(crate) fn overwrite(to: &mut [u8], bytes: &[u8]) {
    match (<&mut [u8; 8]>::try_from(&mut *to), <&[u8; 8]>::try_from(bytes)) {
        (Ok(to), Ok(bytes)) => *to = *bytes,
        _ => to.copy_from_slice(bytes),
    }
}

/// Whether both are the same bytes.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    match (<[u8; 8]>::try_from(a), <[u8; 8]>::try_from(b)) {
        (Ok(a), Ok(b)) => u64::from_ne_bytes(a) == u64::from_ne_bytes(b),
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        (Err(_), Err(_)) => same_any(a, b),
    }
}

fn same_any(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if a.len() > FEW {
        return a == b;
    }
    let ((words_a, rest_a), (words_b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let words = words_a.iter().zip(words_b).all(|(a, b)| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b));
    words && rest_a.iter().zip(rest_b).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_bytes_is_copied_and_compared() {
        let bytes: Vec<u8> = (0..300).map(|byte| byte as u8).collect();
        for length in 0..bytes.len() {
            let mut copied = vec![7];
            append(&mut copied, &bytes[..length]);
            assert_eq!(copied[1..], bytes[..length]);
            assert!(same(&copied[1..], &bytes[..length]) && !same(&copied, &bytes[..length]));
            let mut over = vec![0; length];
            overwrite(&mut over, &bytes[..length]);
            assert_eq!(over, bytes[..length]);
            for wrong in 0..length {
                over[wrong] ^= 1;
                assert!(!same(&over, &bytes[..length]), "byte {wrong} of {length}");
                over[wrong] ^= 1;
            }
        }
    }
}
