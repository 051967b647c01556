//! What benches of contenders share: who takes part, and what counts as time.

use clinometer::Isa;

/// Kernels of explicit instructions; the others would take minutes.
pub(crate) fn fast_kernels() -> impl Iterator<Item = Isa> {
    Isa::available().into_iter().filter(|isa| !matches!(isa, Isa::Portable | Isa::EmulatedAmx))
}

/// The numbers of the command line, each by its position and with a default.
pub(crate) fn number(position: usize, default: usize) -> usize {
    std::env::args().filter_map(|word| word.parse().ok()).nth(position).unwrap_or(default)
}

/// Whether a name has all the words of the command line.
pub(crate) fn takes_part(name: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-') && word.parse::<usize>().is_err());
    words.all(|word| name.contains(&word))
}

/// Seconds that this thread has run, where the system reports them.
pub(crate) fn processor_time() -> Option<f64> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    statistics.split(' ').next()?.parse().ok().map(|nanoseconds: f64| nanoseconds / 1e9)
}
