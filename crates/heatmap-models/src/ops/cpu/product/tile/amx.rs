//! Tiles with the matrix unit of Intel's server processors, AMX.
//!
//! It has eight registers of 16 rows by 64 bytes. `tdpbf16ps` adds to 16 x 16 sums in f32 the
//! products of 16 rows of 32 values in bf16 and 32 rows of 16 columns. Rust has no stable
//! intrinsics for it, so these few instructions are assembly.
#![allow(unsafe_code, reason = "instructions that Rust has no intrinsics for")]

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use std::sync::LazyLock;

use super::{COLUMNS, Target};

/// Rows of a register, and words in each.
const SIDE: usize = 16;

/// How the registers are divided, in the form in which `ldtilecfg` reads it.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_in_a_row: [u16; 16],
    rows: [u8; 16],
}

/// Returns whether the processor has AMX with bf16, and the system lets this process use it.
pub(super) fn granted() -> bool {
    static GRANTED: LazyLock<bool> = LazyLock::new(|| has_amx() && ask_for_tiles());
    *GRANTED
}

/// Returns whether processor and system know the instructions and save the registers.
fn has_amx() -> bool {
    if !std::is_x86_feature_detected!("xsave") || __cpuid(0).eax < 7 {
        return false;
    }
    let leaf = __cpuid_count(7, 0);
    let (bf16, tiles) = (leaf.edx & (1 << 22) != 0, leaf.edx & (1 << 24) != 0);
    // OSXSAVE: the system has turned `xgetbv` on.
    let saves = __cpuid(1).ecx & (1 << 27) != 0;
    // SAFETY: the processor has `xsave`, and the system has turned it on, which is asked first.
    bf16 && tiles && saves && unsafe { _xgetbv(0) } & (0b11 << 17) == 0b11 << 17
}

/// Asks Linux for the registers, which it saves only for processes that do. Other systems are not
/// known to grant them.
fn ask_for_tiles() -> bool {
    #[cfg(target_os = "linux")]
    {
        const ARCH_PRCTL: i64 = 158;
        const ARCH_REQ_XCOMP_PERM: i64 = 0x1023;
        const TILE_DATA: i64 = 18;
        let result: i64;
        // SAFETY: a system call that reads and writes no memory of this process; it clobbers rcx
        // and r11.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") ARCH_PRCTL => result,
                in("rdi") ARCH_REQ_XCOMP_PERM,
                in("rsi") TILE_DATA,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
        result == 0
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// Begins the sums of a register with what is in the target, or with zeros.
macro_rules! begin {
    ($register:literal, $place:expr, $stride:expr) => {
        match $place {
            Some(place) => asm!(
                concat!("tileloadd ", $register, ", [{place} + {stride}]"),
                place = in(reg) place,
                stride = in(reg) $stride * size_of::<f32>(),
                options(nostack, readonly),
            ),
            None => asm!(concat!("tilezero ", $register), options(nostack, nomem)),
        }
    };
}

/// Writes the sums of a register, if they have a place.
macro_rules! end {
    ($register:literal, $place:expr, $stride:expr) => {
        if let Some(place) = $place {
            asm!(
                concat!("tilestored [{place} + {stride}], ", $register),
                place = in(reg) place,
                stride = in(reg) $stride * size_of::<f32>(),
                options(nostack),
            );
        }
    };
}

/// Computes a tile of words, up to 32 by 64.
///
/// # Safety
/// AMX is [`granted`]. `rows` is in 1 to 32, `columns` a multiple of 16 up to 64, `right` has a
/// multiple of 16 rows, `(rows - 1) * stride + right.len() - 1` is an index of `left`, and
/// `(rows - 1) * target.stride + columns` is at most the length of the target.
pub(super) unsafe fn tile(
    (rows, columns): (usize, usize),
    left: &[f32],
    stride: usize,
    right: &[[f32; COLUMNS]],
    target: Target<'_>,
) {
    let upper = rows.min(SIDE);
    let lower = rows - upper;
    // Registers 0 to 3 have the sums of two rows of two squares, 4 and 5 the left side of the upper
    // and the lower row, 6 and 7 the right side of either column. All four squares are always
    // computed: what is not there is read from what is, and not written. A register without rows
    // would be an error.
    let rows_of = [upper, upper, lower.max(1), lower.max(1), upper, lower.max(1), SIDE, SIDE];
    let mut configuration = Configuration {
        palette: 1,
        start_row: 0,
        reserved: [0; 14],
        bytes_in_a_row: [0; 16],
        rows: [0; 16],
    };
    for (register, rows) in rows_of.into_iter().enumerate() {
        configuration.rows[register] = rows as u8;
        configuration.bytes_in_a_row[register] = (SIDE * size_of::<f32>()) as u16;
    }
    let Target { values, stride: out_stride, add } = target;
    let out = values.as_mut_ptr();
    let below = if lower > 0 { SIDE } else { 0 };
    // SAFETY: the configuration is one of palette 1. A register reads and writes as many rows of 64
    // bytes as it is configured for, which lie within the sides and the target: the panel has 64
    // columns, whatever `columns` says; a square of the target is read and written only if it has
    // rows and columns there. Nothing is expected in the registers afterwards.
    unsafe {
        asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(nostack, readonly));
        for first in (0..columns).step_by(2 * SIDE) {
            let square = |row: usize, column: usize| {
                let exists = row * SIDE < rows && first + column * SIDE < columns;
                let place = row * SIDE * out_stride + first + column * SIDE;
                exists.then(|| out.wrapping_add(place))
            };
            let places = [square(0, 0), square(0, 1), square(1, 0), square(1, 1)];
            let read = |place: Option<*mut f32>| place.filter(|_| add);
            begin!("tmm0", read(places[0]), out_stride);
            begin!("tmm1", read(places[1]), out_stride);
            begin!("tmm2", read(places[2]), out_stride);
            begin!("tmm3", read(places[3]), out_stride);
            let steps = right.len() / SIDE;
            if steps > 0 {
                asm!(
                    "2:",
                    "tileloadd tmm4, [{upper} + {stride}]",
                    "tileloadd tmm6, [{right} + {panel}]",
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tileloadd tmm7, [{right} + {panel} + 64]",
                    "tdpbf16ps tmm1, tmm4, tmm7",
                    "tileloadd tmm5, [{lower} + {stride}]",
                    "tdpbf16ps tmm2, tmm5, tmm6",
                    "tdpbf16ps tmm3, tmm5, tmm7",
                    "add {upper}, 64",
                    "add {lower}, 64",
                    "add {right}, 16 * 256",
                    "dec {steps}",
                    "jnz 2b",
                    upper = inout(reg) left.as_ptr() => _,
                    lower = inout(reg) left.as_ptr().wrapping_add(below * stride) => _,
                    right = inout(reg) right.as_ptr().cast::<f32>().wrapping_add(first) => _,
                    stride = in(reg) stride * size_of::<f32>(),
                    panel = in(reg) size_of::<[f32; COLUMNS]>(),
                    steps = inout(reg) steps => _,
                    options(nostack, readonly),
                );
            }
            end!("tmm0", places[0], out_stride);
            end!("tmm1", places[1], out_stride);
            end!("tmm2", places[2], out_stride);
            end!("tmm3", places[3], out_stride);
        }
        asm!("tilerelease", options(nostack, nomem));
    }
}
