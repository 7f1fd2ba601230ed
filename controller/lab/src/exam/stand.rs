//! The exam of a simulated device on a virtual clock.

use std::sync::mpsc;

use adit_driver::{Event, Report};
use adit_hw_sim::SimDevice;
use adit_protocol::wire::Micros;

use super::{Examiner, Outcome, Subject};
use crate::Rig;

/// An exam that takes longer does not end.
const LONGEST: Micros = Micros::from_secs(3_600);
/// Steps without time passing after which it never will.
const MOST_STEPS: u32 = 100_000;

/// Examines `twin`; nothing where nobody has written checks for such a device.
pub fn examine(subject: Subject, twin: Box<dyn SimDevice>) -> Vec<Outcome> {
    let (tell, outcomes) = mpsc::channel();
    let mut rig = Rig::new(subject.model, twin, subject.seed);
    let examiner = Examiner::new(subject, |_| true, move |outcome| drop(tell.send(outcome)));
    let Some(examiner) = examiner else { return Vec::new() };
    let mut now = Micros(0);
    rig.plug(now);
    rig.open(now, Box::new(examiner));
    let mut steps = 0;
    while !is_over(&mut rig) {
        let Some(next) = rig.deadline().filter(|next| *next < LONGEST) else { break };
        steps = if next > now { 0 } else { steps + 1 };
        if steps > MOST_STEPS {
            break;
        }
        now = now.max(next);
        rig.advance(now);
    }
    drop(rig);
    outcomes.iter().collect()
}

fn is_over(rig: &mut Rig) -> bool {
    let mut over = false;
    while let Some(report) = rig.next_report() {
        over |= matches!(report, Report::Event(Event::Stopped) | Report::Closed | Report::Failed(_));
    }
    over
}
