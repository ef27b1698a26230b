//! `TicksBegin` and `TicksEnd` of `bench/clock.h`, which wait for the same things.

#[cfg(target_arch = "x86_64")]
mod clock {
    use std::arch::x86_64::{__rdtscp, _mm_lfence, _rdtsc};

    #[inline(always)]
    pub fn begin() -> u64 {
        unsafe {
            _mm_lfence();
            let ticks = _rdtsc();
            _mm_lfence();
            ticks
        }
    }

    #[inline(always)]
    pub fn end() -> u64 {
        unsafe {
            let mut cpu = 0;
            let ticks = __rdtscp(&mut cpu);
            _mm_lfence();
            ticks
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod clock {
    use std::time::{SystemTime, UNIX_EPOCH};

    pub fn begin() -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |since| since.as_nanos() as u64)
    }

    pub fn end() -> u64 {
        begin()
    }
}

/// Uses the result of an operation, so that the compiler keeps the operation.
/// (`black_box` is newer than the oldest Rust that this must compile with.)
#[inline(always)]
fn keep(value: u64) {
    unsafe {
        std::arch::asm!("/* {0} */", in(reg) value, options(nostack, preserves_flags))
    };
}

#[inline(always)]
pub fn time_each<F: FnMut(usize) -> u64>(ticks: &mut [u32], mut operation: F) {
    for (i, taken) in ticks.iter_mut().enumerate() {
        let begin = clock::begin();
        keep(operation(i));
        let all = clock::end().wrapping_sub(begin);
        *taken = all.min(u64::from(u32::MAX)) as u32;
    }
}
