//! Whatever somebody says who connects, the machine keeps its laws.

use proptest::prelude::*;

use crate::laws::server_keeps_the_laws;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn anything_may_be_said(steps in prop::collection::vec(any::<u8>(), 0..800)) {
        server_keeps_the_laws(&steps);
    }

    #[test]
    fn anything_may_be_said_by_somebody_who_has_logged_in(steps in prop::collection::vec(any::<u8>(), 0..800)) {
        // 104 and 117 name the first line, 105 the second: subscribed, logged in, and a job.
        server_keeps_the_laws(&[&[104, 0, 105, 0, 20, 7], &*steps].concat());
    }
}
