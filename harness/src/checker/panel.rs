//! All checkers over one run.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::{CHECKERS, Checker, Entry, Scene, Stated, Verdicts};
use crate::jobs::Panicked;
use crate::metrics::Gauges;
use crate::report::Judgement;
use crate::trace::{Event, Sink};
use crate::verdict::Status;

/// All checkers, and what they share.
pub struct Panel {
    scene: Scene,
    seats: Vec<Seat>,
    gauges: Gauges,
}

struct Seat {
    entry: &'static Entry,
    /// What the checker said when it panicked, instead of the checker.
    checker: Result<Box<dyn Checker>, String>,
}

impl std::fmt::Debug for Panel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Panel").field("scene", &self.scene).finish_non_exhaustive()
    }
}

impl Default for Panel {
    fn default() -> Self {
        Self::of(CHECKERS)
    }
}

impl Panel {
    /// These checkers at the beginning of a run.
    pub fn of(entries: &'static [Entry]) -> Self {
        let seats = entries.iter().map(|entry| Seat { entry, checker: Ok((entry.make)()) }).collect();
        Self { scene: Scene::default(), seats, gauges: Gauges::default() }
    }

    /// Sees one event.
    pub fn observe(&mut self, event: &Event) {
        self.scene.see(event);
        self.gauges.observe(event, &self.scene);
        let (scene, mut turn) = (&self.scene, 0);
        while turn < self.seats.len() {
            // One net under all of them; whoever falls into it is known by whose turn it was.
            let all = catch_unwind(AssertUnwindSafe(|| {
                for seat in &mut self.seats[turn..] {
                    if let Ok(checker) = &mut seat.checker {
                        checker.observe(event, scene);
                    }
                    turn += 1;
                }
            }));
            if let Err(panic) = all {
                self.seats[turn].checker = Err(format!("at event {}: {}", event.id, Panicked::of(&*panic)));
                turn += 1;
            }
        }
    }

    /// Everything that the checkers say.
    pub fn judge(mut self) -> Judgement {
        let mut whole = Judgement::default();
        for seat in &mut self.seats {
            let judges = seat.entry.judges;
            let claims: Vec<Stated> =
                self.scene.claims.iter().filter(|stated| judges(&stated.claim)).cloned().collect();
            let judged = match &mut seat.checker {
                Ok(checker) => catch_unwind(AssertUnwindSafe(|| checker.judge(&self.scene, &claims)))
                    .map_err(|panic| format!("while it judged: {}", Panicked::of(&*panic))),
                Err(panic) => Err(panic.clone()),
            };
            match judged {
                Ok(judged) => {
                    whole.verdicts.extend(judged.verdicts);
                    whole.outages.extend(judged.outages);
                    whole.convergence.extend(judged.convergence);
                    whole.metrics.extend(judged.metrics);
                }
                Err(why) => whole.verdicts.extend(failed(seat.entry.name, &claims, &why)),
            }
        }
        let mut verdicts = Verdicts::of("expectations");
        for text in &self.scene.not_understood {
            let summary = "this program does not understand the sentence".to_owned();
            verdicts.add(text, None, Status::Unknown, summary, []);
        }
        whole.verdicts.extend(verdicts.list);
        whole.metrics.extend(self.gauges.metrics());
        whole
    }

    /// A sink that feeds the panel that the handle holds.
    pub fn sink(panel: &Rc<RefCell<Panel>>) -> impl Sink + 'static {
        struct Feed(Rc<RefCell<Panel>>);
        impl Sink for Feed {
            fn take(&mut self, event: &Event) -> std::io::Result<()> {
                self.0.borrow_mut().observe(event);
                Ok(())
            }
        }
        Feed(panel.clone())
    }
}

/// A checker that panicked has seen nothing: all of its verdicts are unknown.
fn failed(name: &'static str, claims: &[Stated], why: &str) -> Vec<crate::verdict::Verdict> {
    let mut verdicts = Verdicts::of(name);
    let summary = || format!("the checker failed, which is a bug of this program: {why}");
    for stated in claims {
        verdicts.add(&stated.text, None, Status::Unknown, summary(), []);
    }
    if claims.is_empty() {
        verdicts.add("the checker comes to its end", None, Status::Unknown, summary(), []);
    }
    verdicts.list
}

#[cfg(test)]
mod tests {
    use super::super::script::Script;
    use super::*;
    use crate::expectation::FORMS;
    use crate::trace::EventKind;

    #[test]
    fn each_claim_is_judged_by_one_checker() {
        for example in FORMS.iter().flat_map(|form| form.examples) {
            let claim = crate::expectation::understand(example).unwrap();
            let judges: Vec<&str> =
                CHECKERS.iter().filter(|entry| (entry.judges)(&claim)).map(|entry| entry.name).collect();
            assert_eq!(judges.len(), 1, "{example}: {judges:?}");
        }
    }

    #[test]
    fn a_claim_about_what_the_run_did_not_do_is_unknown() {
        for example in FORMS.iter().flat_map(|form| form.examples) {
            let judgement = Script::new(&[example]).phases(10, 20, 30).judge();
            let verdict = judgement.verdicts.iter().find(|verdict| verdict.claim == *example).unwrap();
            assert_eq!(verdict.status, Status::Unknown, "{verdict:?}");
        }
    }

    #[test]
    fn a_sentence_that_is_not_understood_is_unknown() {
        let judgement = Script::new(&["all is well"]).judge();
        assert_eq!(judgement.verdicts[0].status, Status::Unknown);
        assert_eq!(judgement.verdicts[0].claim, "all is well");
    }

    struct Broken;

    impl Checker for Broken {
        fn observe(&mut self, event: &Event, _: &Scene) {
            assert!(!matches!(event.kind, EventKind::CronFired), "it fails here");
        }

        fn judge(&mut self, _: &Scene, _: &[Stated]) -> Judgement {
            Judgement::default()
        }
    }

    #[test]
    fn a_checker_that_panics_is_unknown_and_the_others_go_on() {
        static TWO: &[Entry] = &[
            Entry { name: "broken", doc: "", judges: |_| false, make: || Box::new(Broken) },
            super::super::read_only::ENTRY,
        ];
        let mut panel = Panel::of(TWO);
        for event in
            Script::new(&["no write is accepted by a worker"]).event(5, None, EventKind::CronFired).events()
        {
            panel.observe(&event);
        }
        let judgement = panel.judge();
        assert_eq!(judgement.verdicts.len(), 2);
        assert!(judgement.verdicts[0].summary.contains("it fails here"), "{:?}", judgement.verdicts[0]);
        assert_eq!(&*judgement.verdicts[1].checker, "read-only");
    }
}
