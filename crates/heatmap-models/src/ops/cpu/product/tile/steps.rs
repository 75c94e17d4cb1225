//! The steps of a piece of 6 rows and 64 columns along the inner dimension, in assembly.

/// The multiplications of a row of a piece of 64 columns: its value of the left side, broadcast, by
/// the four vectors of the right side.
macro_rules! row_of_64 {
    ($multiply:literal, $x:literal, $row:literal, $k:literal,
        $a:literal, $b:literal, $c:literal, $d:literal) => {
        concat!(
            "vbroadcastss {",
            $x,
            "}, dword ptr [",
            $row,
            " + {inner} * ",
            $k,
            "]\n",
            $multiply,
            " {",
            $a,
            "}, {",
            $x,
            "}, {v0}\n",
            $multiply,
            " {",
            $b,
            "}, {",
            $x,
            "}, {v1}\n",
            $multiply,
            " {",
            $c,
            "}, {",
            $x,
            "}, {v2}\n",
            $multiply,
            " {",
            $d,
            "}, {",
            $x,
            "}, {v3}\n",
        )
    };
}

/// A step of a piece of 6 rows and 64 columns along the inner dimension, `$k` steps behind the
/// pointers.
macro_rules! step_of_6x64 {
    ($multiply:literal, $k:literal) => {
        concat!(
            "vmovups {v0}, zmmword ptr [{right} + 256 * ",
            $k,
            "]\n",
            "vmovups {v1}, zmmword ptr [{right} + 256 * ",
            $k,
            " + 64]\n",
            "vmovups {v2}, zmmword ptr [{right} + 256 * ",
            $k,
            " + 128]\n",
            "vmovups {v3}, zmmword ptr [{right} + 256 * ",
            $k,
            " + 192]\n",
            row_of_64!($multiply, "x", "{low}", $k, "s00", "s01", "s02", "s03"),
            row_of_64!($multiply, "y", "{low} + {row}", $k, "s10", "s11", "s12", "s13"),
            row_of_64!($multiply, "x", "{low} + {row} * 2", $k, "s20", "s21", "s22", "s23"),
            row_of_64!($multiply, "y", "{high}", $k, "s30", "s31", "s32", "s33"),
            row_of_64!($multiply, "x", "{high} + {row}", $k, "s40", "s41", "s42", "s43"),
            row_of_64!($multiply, "y", "{high} + {row} * 2", $k, "s50", "s51", "s52", "s53"),
        )
    };
}

pub(super) use {row_of_64, step_of_6x64};
