//! Chains of BM13xx chips from the pool's job to the submitted share, and at their full nonce rate.

mod captured;
mod full_rate;
