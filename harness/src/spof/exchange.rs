//! Sets of components that are the same but for an exchange of nodes that are alike.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::component::{Component, Components};
use crate::trace::NodeName;

/// More ways than this to exchange the nodes of one set are not gone through: the set is then examined itself.
const WAYS_MAX: usize = 5_040;

/// Says which sets of components need not be examined, because another one is the same with nodes exchanged.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    components: &'a Components,
    /// The place of each component, by what takes it away.
    places: BTreeMap<String, usize>,
}

impl<'a> Exchange<'a> {
    pub(super) fn of(components: &'a Components) -> Self {
        let none = BTreeMap::new();
        let keys = components.list.iter().enumerate().map(|(place, one)| (key(one, &none), place));
        Self { components, places: keys.collect() }
    }

    /// The set that is examined in the place of this one, given by places in ascending order: the first of all
    /// sets that come of it when nodes that are alike are exchanged. Nodes keep their group, and those of a set are
    /// exchanged against the first of their group, so that every set of a family finds the same one.
    pub(super) fn representative(&self, set: &[usize]) -> Vec<usize> {
        let mut renamings: Vec<BTreeMap<NodeName, NodeName>> = vec![BTreeMap::new()];
        for group in &self.components.alike {
            let touched: Vec<&NodeName> =
                group.nodes.iter().filter(|node| set.iter().any(|&one| self.touches(one, node))).collect();
            let ways = permutations(touched.len());
            if renamings.len() * ways.len() > WAYS_MAX {
                return set.to_vec();
            }
            renamings = (renamings.iter())
                .flat_map(|before| ways.iter().map(move |way| (before, way)))
                .map(|(before, way)| {
                    let mut renaming = before.clone();
                    for (node, &place) in touched.iter().zip(way) {
                        renaming.insert((*node).clone(), group.nodes[place].clone());
                    }
                    renaming
                })
                .collect();
        }
        let images = renamings.iter().filter_map(|renaming| self.image(set, renaming));
        images.min().unwrap_or_else(|| set.to_vec())
    }

    /// Whether a node's name stands in what takes a component away: as what it acts on, or as a name that is lost.
    fn touches(&self, place: usize, node: &NodeName) -> bool {
        key(&self.components.list[place], &BTreeMap::new()).contains(&format!("\"{node}\""))
    }

    /// The set with its nodes renamed; none when there is no such component.
    fn image(&self, set: &[usize], renaming: &BTreeMap<NodeName, NodeName>) -> Option<Vec<usize>> {
        let renamed = |&place: &usize| self.places.get(&key(&self.components.list[place], renaming)).copied();
        let mut image: Vec<usize> = set.iter().map(renamed).collect::<Option<_>>()?;
        image.sort_unstable();
        image.dedup();
        (image.len() == set.len()).then_some(image)
    }
}

/// What takes a component away, with nodes renamed wherever their names stand: equal keys are equal components.
fn key(component: &Component, renaming: &BTreeMap<NodeName, NodeName>) -> String {
    let mut faults: Vec<String> = (component.away.iter())
        .map(|fault| {
            let mut value = serde_json::to_value(fault).expect("a fault is always JSON");
            rename(&mut value, renaming);
            sort_sides(&mut value);
            value.to_string()
        })
        .collect();
    faults.sort();
    faults.join("\n")
}

fn rename(value: &mut Value, renaming: &BTreeMap<NodeName, NodeName>) {
    match value {
        Value::String(text) => {
            if let Some(name) = renaming.get(text.as_str()) {
                *text = name.to_string();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|one| rename(one, renaming)),
        Value::Object(fields) => fields.values_mut().for_each(|one| rename(one, renaming)),
        _ => {}
    }
}

/// A link that is cut in both directions has no first side.
fn sort_sides(value: &mut Value) {
    let both = value.pointer("/0/direction").and_then(Value::as_str) == Some("both");
    let Some(Value::Object(sides)) = value.pointer_mut("/1/between").filter(|_| both) else { return };
    if sides.get("b").map(Value::to_string) < sides.get("a").map(Value::to_string)
        && let (Some(a), Some(b)) = (sides.remove("a"), sides.remove("b"))
    {
        sides.insert("a".to_owned(), b);
        sides.insert("b".to_owned(), a);
    }
}

/// All orders of the numbers below `count`.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for _ in 0..count {
        all = (all.iter())
            .flat_map(|before: &Vec<usize>| {
                let free = (0..count).filter(|number| !before.contains(number));
                free.map(|number| before.iter().copied().chain([number]).collect()).collect::<Vec<_>>()
            })
            .collect();
        if all.len() > WAYS_MAX {
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::Alike;

    fn components(alike: bool) -> Components {
        let [manager, one, two]: [NodeName; 3] = ["manager", "w1", "w2"].map(Into::into);
        let list = vec![
            Component::machine(&manager),
            Component::machine(&one),
            Component::machine(&two),
            Component::process(&one, "wso2"),
            Component::process(&two, "wso2"),
            Component::link(&manager, &one),
            Component::link(&two, &manager),
        ];
        let group = Alike { nodes: vec![one, two], proof: String::new(), except: Vec::new() };
        Components { list, alike: if alike { vec![group] } else { Vec::new() }, unlike: Vec::new() }
    }

    #[test]
    fn sets_that_are_the_same_but_for_an_exchange_have_one_representative() {
        let components = components(true);
        let exchange = Exchange::of(&components);
        let same: [&[&[usize]]; 6] =
            [&[&[0]], &[&[1], &[2]], &[&[5], &[6]], &[&[1, 2]], &[&[1, 4], &[2, 3]], &[&[1, 6], &[2, 5]]];
        for family in same {
            for set in family {
                assert_eq!(exchange.representative(set), family[0], "{set:?}");
            }
        }
        assert_ne!(exchange.representative(&[1, 3]), exchange.representative(&[1, 4]));
    }

    #[test]
    fn a_name_that_is_lost_is_exchanged_with_its_node() {
        let mut components = components(true);
        let lost = |name: &str| Component {
            name: format!("manager/{name}").into(),
            what: "name".into(),
            away: vec![(
                crate::plan::FaultKind::HostsEntry { host_name: name.to_owned(), address: None },
                crate::plan::Target::Nodes(vec!["manager".into()]),
            )],
        };
        components.list = vec![lost("w1"), lost("w2")];
        assert_eq!(Exchange::of(&components).representative(&[1]), [0]);
    }

    #[test]
    fn nothing_is_exchanged_where_nothing_is_alike() {
        let components = components(false);
        assert_eq!(Exchange::of(&components).representative(&[2, 4]), [2, 4]);
    }

    #[test]
    fn a_component_without_a_counterpart_is_examined_itself() {
        let mut components = components(true);
        components.list.pop();
        assert_eq!(Exchange::of(&components).representative(&[5]), [5]);
    }
}
