//! The matrix unit of Intel's server processors, AMX.
//!
//! It has eight registers of 16 rows by 64 bytes: four have the sums of a tile, two the left
//! squares of its upper and lower rows, and two the right squares of its columns. `tdpbf16ps` adds
//! to 16 x 16 sums in f32 the products of 16 rows of 32 values in bf16 and 32 rows of 16 columns.
//! Rust has no stable intrinsics for it, so these few instructions are assembly.
#![allow(unsafe_code, reason = "instructions that Rust has no intrinsics for")]

mod steps;

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use std::marker::PhantomData;
use std::sync::LazyLock;

use super::super::super::simd::Instructions;
use super::sides::{Sides, Tile};
use super::{SIDE, Terms};
use steps::{
    both_again, fetch, first_both, first_upper, load_lower, load_upper, lower, near, pause, right,
    sum, upper,
};

/// How the registers are divided, in the form in which `ldtilecfg` reads it.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_in_a_row: [u16; 16],
    rows: [u8; 16],
}

/// Eight registers of 16 rows by 64 bytes.
static WHOLE_SQUARES: Configuration = Configuration {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    bytes_in_a_row: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// Returns whether the processor has AMX with bf16, and the system lets this process use it.
pub(super) fn granted() -> bool {
    static GRANTED: LazyLock<bool> =
        LazyLock::new(|| Instructions::matrix_unit_allowed() && has_amx() && ask_for_tiles());
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

/// The unit with its registers divided into squares, on this thread, until it is dropped.
pub(super) struct Configured {
    /// The registers are those of a thread.
    _not_send: PhantomData<*const ()>,
}

impl Configured {
    /// Divides the registers, if the processor has them.
    pub(super) fn new() -> Option<Self> {
        granted().then(|| {
            // SAFETY: the system has granted the registers, and the configuration is one of
            // palette 1.
            unsafe {
                let squares = &raw const WHOLE_SQUARES;
                asm!("ldtilecfg [{}]", in(reg) squares, options(nostack, readonly));
            }
            Self { _not_send: PhantomData }
        })
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        // SAFETY: nobody expects anything in the registers.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

impl Configured {
    /// Computes a tile; of its lower half only if there are lower rows.
    pub(super) fn multiply(&self, sides: Sides<'_>, out: &mut Tile) {
        let stride = size_of::<[f32; 2 * SIDE]>();
        let place = out.as_mut_ptr();
        // SAFETY: the registers are divided into squares while this value lives. Each step reads
        // as many squares of a left row as there are planes, and two of the right side for each;
        // `Sides` has them for every step, and there is one. What is fetched is not read, so it
        // may lie anywhere. A tile has room for four squares.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                options(nostack, nomem)
            );
            match (sides.terms, sides.lower) {
                _ if sides.upper.is_empty() => {}
                // Squares come near three steps ahead, or as far as other planes' take as long.
                (Terms::One, Some(lower)) => {
                    sum!(sides, lower, 1, right!(0), first_both!(0, 3), fetch!(0));
                }
                (Terms::One, None) => {
                    sum!(sides, sides.upper, 1, right!(0), first_upper!(0, 3), fetch!(0));
                }
                (Terms::Three, Some(lower)) => sum!(
                    sides,
                    lower,
                    2,
                    right!(0),
                    first_both!(1, 3),
                    fetch!(0),
                    first_both!(0, 2),
                    fetch!(256),
                    right!(1),
                    upper!(),
                    lower!()
                ),
                (Terms::Three, None) => sum!(
                    sides,
                    sides.upper,
                    2,
                    right!(0),
                    first_upper!(1, 3),
                    fetch!(0),
                    first_upper!(0, 2),
                    fetch!(256),
                    right!(1),
                    upper!()
                ),
                // The squares that are loaded serve two planes of the right side.
                (Terms::Six, Some(lower)) => sum!(
                    sides,
                    lower,
                    3,
                    right!(0),
                    first_both!(2, 5),
                    fetch!(0),
                    first_both!(0, 3),
                    fetch!(256),
                    first_both!(1, 4),
                    fetch!(512),
                    right!(1),
                    upper!(),
                    lower!(),
                    fetch!(768),
                    both_again!(0),
                    right!(2),
                    upper!(),
                    lower!()
                ),
                (Terms::Six, None) => sum!(
                    sides,
                    sides.upper,
                    3,
                    right!(0),
                    first_upper!(2, 5),
                    fetch!(0),
                    first_upper!(0, 3),
                    fetch!(256),
                    first_upper!(1, 4),
                    fetch!(512),
                    right!(1),
                    upper!(),
                    fetch!(768),
                    load_upper!(0),
                    upper!(),
                    right!(2),
                    upper!()
                ),
            }
            asm!(
                "tilestored [{place} + {stride}], tmm0",
                "tilestored [{place} + {stride} + 64], tmm1",
                place = in(reg) place,
                stride = in(reg) stride,
                options(nostack)
            );
            if sides.lower.is_some() {
                asm!(
                    "tilestored [{place} + {stride}], tmm2",
                    "tilestored [{place} + {stride} + 64], tmm3",
                    place = in(reg) place.wrapping_add(SIDE),
                    stride = in(reg) stride,
                    options(nostack)
                );
            }
        }
    }
}
