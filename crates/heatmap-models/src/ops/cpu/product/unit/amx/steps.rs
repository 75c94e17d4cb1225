//! The assembly of a tile, a step along the inner dimension at a time: registers 0 to 3 have the
//! sums, 4 and 5 the upper and the lower left square, 6 and 7 the right squares of both columns.

/// Instructions that do nothing, behind a multiplication. When the other thread of the core is
/// busy, multiplications that come one after another take half as long again; there is time for 90
/// instructions during each.
macro_rules! pause {
    () => {
        ".rept 12\nnop\n.endr\n"
    };
}

/// Lets a square come into the L1 cache, instead of a pause.
macro_rules! near {
    ($base:literal, $squares:literal) => {
        concat!(
            ".set line, 0\n.rept 16\nprefetcht0 [",
            $base,
            " + 1024 * ",
            $squares,
            " + line]\n.set line, line + 64\n.endr\n"
        )
    };
}

/// Multiplies the upper left square with both right ones.
macro_rules! upper {
    () => {
        concat!("tdpbf16ps tmm0, tmm4, tmm6\n", pause!(), "tdpbf16ps tmm1, tmm4, tmm7\n", pause!())
    };
    ($ahead:literal) => {
        concat!(
            "tdpbf16ps tmm0, tmm4, tmm6\n",
            pause!(),
            "tdpbf16ps tmm1, tmm4, tmm7\n",
            near!("{upper}", $ahead)
        )
    };
}

/// Multiplies the lower left square with both right ones.
macro_rules! lower {
    () => {
        concat!("tdpbf16ps tmm2, tmm5, tmm6\n", pause!(), "tdpbf16ps tmm3, tmm5, tmm7\n", pause!())
    };
    ($ahead:literal) => {
        concat!(
            "tdpbf16ps tmm2, tmm5, tmm6\n",
            pause!(),
            "tdpbf16ps tmm3, tmm5, tmm7\n",
            near!("{lower}", $ahead)
        )
    };
}

/// Loads both right squares of a plane.
macro_rules! right {
    ($plane:literal) => {
        concat!(
            "tileloadd tmm6, [{right} + {row} + 2048 * ",
            $plane,
            "]\ntileloadd tmm7, [{right} + {row} + 2048 * ",
            $plane,
            " + 1024]\n"
        )
    };
}

/// Loads the upper left square of a plane.
macro_rules! load_upper {
    ($plane:literal) => {
        concat!("tileloadd tmm4, [{upper} + {row} + 1024 * ", $plane, "]\n")
    };
}

/// Loads the lower left square of a plane.
macro_rules! load_lower {
    ($plane:literal) => {
        concat!("tileloadd tmm5, [{lower} + {row} + 1024 * ", $plane, "]\n")
    };
}

/// Multiplies the upper left square of a plane, and lets the one that lies so many squares behind
/// the plane 0 come near.
macro_rules! first_upper {
    ($plane:literal, $ahead:literal) => {
        concat!(load_upper!($plane), upper!($ahead))
    };
}

/// Multiplies both left squares of a plane, and lets those that lie so many squares behind the
/// plane 0 come near.
macro_rules! first_both {
    ($plane:literal, $ahead:literal) => {
        concat!(load_upper!($plane), load_lower!($plane), upper!($ahead), lower!($ahead))
    };
}

/// Multiplies both left squares of a plane again, with other right ones.
macro_rules! both_again {
    ($plane:literal) => {
        concat!(load_upper!($plane), load_lower!($plane), upper!(), lower!())
    };
}

/// Lets four lines of what is read next come into the L2 cache.
macro_rules! fetch {
    ($from:literal) => {
        concat!(
            "prefetcht1 [{next} + ",
            $from,
            "]\nprefetcht1 [{next} + ",
            $from,
            " + 64]\nprefetcht1 [{next} + ",
            $from,
            " + 128]\nprefetcht1 [{next} + ",
            $from,
            " + 192]\n"
        )
    };
}

/// Sums along all steps, of which each is some pieces of code.
macro_rules! sum {
    ($sides:expr, $lower:expr, $planes:literal, $($code:expr),*) => {
        asm!(
            "2:",
            $($code,)*
            "add {upper}, 1024 * {planes}",
            "add {lower}, 1024 * {planes}",
            "add {right}, 2048 * {planes}",
            "add {next}, 1024",
            "dec {steps}",
            "jnz 2b",
            planes = const $planes,
            upper = inout(reg) $sides.upper.as_ptr() => _,
            lower = inout(reg) $lower.as_ptr() => _,
            right = inout(reg) $sides.right.as_ptr() => _,
            next = inout(reg) $sides.next.as_ptr() => _,
            row = in(reg) size_of::<[f32; SIDE]>(),
            steps = inout(reg) $sides.steps() => _,
            options(nostack, readonly),
        )
    };
}

pub(super) use {
    both_again, fetch, first_both, first_upper, load_lower, load_upper, lower, near, pause, right,
    sum, upper,
};
