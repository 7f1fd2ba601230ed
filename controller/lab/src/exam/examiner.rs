//! Puts one check after another to a device.

use std::task::{Context, Poll, Waker};
use std::vec;

use adit_driver::{Action, Event, Input, Machine};
use adit_protocol::wire::Micros;

use super::desk::{Answer, Course, Desk, Ending};
use super::{Check, Does, Family, Grade, Needs, Outcome, Section, Subject, family};

/// An exam as a machine: it runs on any link a driver runs on. Emits [`Event::Stopped`] after the last check, and when told to
/// stop.
pub struct Examiner {
    desk: Desk,
    family: &'static Family,
    rest: vec::IntoIter<(&'static Section, &'static Check)>,
    doing: Option<(Stage, Course)>,
    /// Why nothing more is asked.
    hopeless: Option<String>,
    tell: Box<dyn FnMut(Outcome) + Send>,
    over: bool,
    /// It has not yet been said that the exam is over.
    owed: bool,
}

/// What is going on.
#[derive(Clone, Copy)]
enum Stage {
    Preparing,
    Asking(&'static Check),
    Leaving,
}

impl Examiner {
    /// An exam of `subject`; `tell` hears the outcome of each check as it ends. `None`: nobody has written checks for such a
    /// device. `wanted` says which checks are asked.
    pub fn new(
        subject: Subject,
        wanted: impl Fn(&Check) -> bool,
        tell: impl FnMut(Outcome) + Send + 'static,
    ) -> Option<Self> {
        let family = family(subject.model)?;
        let rest: Vec<_> = family.asked().filter(|(_, check)| wanted(check)).collect();
        let desk = Desk::new(subject);
        Some(Self {
            desk,
            family,
            rest: rest.into_iter(),
            doing: None,
            hopeless: None,
            tell: Box::new(tell),
            over: false,
            owed: false,
        })
    }

    /// Goes on with the story as far as it goes without waiting.
    fn turn(&mut self) {
        while let Some((stage, course)) = &mut self.doing {
            let stage = *stage;
            let Poll::Ready(answer) = course.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
                return;
            };
            self.doing = None;
            match stage {
                Stage::Preparing => self.prepared(answer),
                Stage::Asking(check) => self.answered(check, answer),
                Stage::Leaving => return self.leave_off(),
            }
            self.go_on();
        }
    }

    fn prepared(&mut self, answer: Answer) {
        if let Err(Ending::Failed(why) | Ending::Skipped(why)) = answer {
            self.hopeless = Some(why);
        }
    }

    fn answered(&mut self, check: &'static Check, answer: Answer) {
        if answer.is_err() && check.identifies() {
            self.hopeless = Some(format!("`{}` did not pass", check.id));
        }
        let grade = match answer {
            Ok(measured) => Grade::Passed(measured),
            Err(Ending::Failed(seen)) => Grade::Failed(seen),
            Err(Ending::Skipped(why)) => Grade::Skipped(why),
        };
        self.report(check, grade);
    }

    fn report(&mut self, check: &'static Check, grade: Grade) {
        let (took, passages) = self.desk.take_file();
        let Check { topic, id, sentence, cite, .. } = *check;
        (self.tell)(Outcome { topic, id, sentence, cite, grade, took, passages });
    }

    /// Begins the next check that asks something, and reports those that do not.
    fn go_on(&mut self) {
        while let Some((section, check)) = self.rest.next() {
            self.desk.open_file();
            match self.ask(section, check) {
                Ok(course) => {
                    self.doing = Some((Stage::Asking(check), course));
                    return;
                }
                Err(why) => self.report(check, Grade::Skipped(why)),
            }
        }
        self.leave();
    }

    /// The story of `check`, or why it is not told.
    fn ask(&self, section: &Section, check: &Check) -> Result<Course, String> {
        let ask = match (&check.does, &self.hopeless) {
            (Does::Nothing(why), _) => return Err((*why).to_owned()),
            (_, Some(why)) => return Err(why.clone()),
            (Does::Changes(_), None) if !self.desk.subject.writes => {
                return Err("it changes clocks or voltages: allow it with --allow-writes".to_owned());
            }
            (Does::Asks(ask) | Does::Identifies(ask) | Does::Changes(ask), None) => ask,
        };
        match section.needs {
            Needs::Nothing => Ok(ask(self.desk.clone())),
            Needs::Never(why) => Err(why.to_owned()),
            Needs::Power(_) if !self.desk.subject.writes => {
                Err("it needs voltage at the chips: allow it with --allow-writes".to_owned())
            }
            Needs::Power(ready) => {
                let (ready, asked) = (ready(self.desk.clone()), ask(self.desk.clone()));
                Ok(Box::pin(async {
                    ready.await?;
                    asked.await
                }))
            }
        }
    }

    fn leave(&mut self) {
        if !self.over {
            self.doing = Some((Stage::Leaving, (self.family.leave)(self.desk.clone())));
        }
    }

    fn leave_off(&mut self) {
        (self.over, self.owed) = (true, true);
    }
}

impl Machine for Examiner {
    fn on_input(&mut self, now: Micros, input: Input<'_>) {
        self.desk.happened(now, &input);
        match input {
            Input::LinkUp => {
                self.doing = Some((Stage::Preparing, (self.family.prepare)(self.desk.clone())));
            }
            Input::Stop { .. } => {
                self.rest = Vec::new().into_iter();
                self.owed = self.over;
                if !matches!(self.doing, Some((Stage::Leaving, _))) {
                    self.leave();
                }
            }
            Input::LinkDown { .. } => {
                (self.doing, self.over) = (None, true);
                self.rest = Vec::new().into_iter();
            }
            _ => {}
        }
        self.turn();
    }

    fn next_action(&mut self) -> Option<Action> {
        if let Some(action) = self.desk.next_action() {
            return Some(action);
        }
        // Said when the exam is over, and again when somebody asks.
        std::mem::take(&mut self.owed).then_some(Action::Emit(Event::Stopped))
    }

    fn deadline(&self) -> Option<Micros> {
        self.desk.deadline().filter(|_| self.doing.is_some())
    }
}
