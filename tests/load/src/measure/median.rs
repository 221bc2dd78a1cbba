//! The middle of several runs.

/// The one in the middle by `key`; of two in the middle the worse for nobody: the lower.
pub(crate) fn middle<T>(all: &[T], key: impl Fn(&T) -> f64) -> Option<&T> {
    let mut sorted: Vec<&T> = all.iter().collect();
    sorted.sort_by(|left, right| key(left).total_cmp(&key(right)));
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_does_not_depend_on_the_order() {
        assert_eq!(middle(&[3.0, 1.0, 2.0], |value| *value), Some(&2.0));
        assert_eq!(middle(&[4.0, 1.0, 3.0, 2.0], |value| *value), Some(&2.0));
        assert_eq!(middle(&[] as &[f64], |value| *value), None);
    }
}
