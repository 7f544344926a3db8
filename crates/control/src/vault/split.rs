//! Secrets longer than an item may be, over several items.
//!
//! A short secret is stored as it is. A long one becomes parts, in accounts `<account>#<generation><number>`, and
//! the account itself holds a *head* that names generation and count. New parts are written under the other
//! generation, then the head, then the old parts are removed: interrupted anywhere, the account holds either
//! the old secret or the new one, whole.

use postern_gateway::Secret;

use super::{Items, VaultError};

/// Adds splitting to a store with limited items.
pub(super) struct Split<I> {
    items: I,
    limit: Option<usize>,
}

/// What the account of a split secret holds: a control character, which no secret begins with.
const MARK: &str = "\u{1}postern-split ";

/// Where a split secret's parts are.
#[derive(Clone, Copy)]
struct Head {
    generation: char,
    parts: usize,
}

impl Head {
    fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix(MARK)?.chars();
        let generation = rest.next().filter(|generation| matches!(generation, 'a' | 'b'))?;
        Some(Self { generation, parts: rest.as_str().parse().ok()? })
    }

    fn render(self) -> Secret {
        Secret::new(format!("{MARK}{}{}", self.generation, self.parts))
    }

    fn accounts(self, account: &str) -> impl Iterator<Item = String> {
        (0..self.parts).map(move |number| format!("{account}#{}{number}", self.generation))
    }
}

impl<I: Items> Split<I> {
    /// `limit`: the bytes that fit into one item.
    pub(super) fn new(items: I, limit: Option<usize>) -> Self {
        Self { items, limit }
    }

    fn head(&mut self, account: &str) -> Result<Option<Head>, VaultError> {
        Ok(self.items.get(account)?.and_then(|secret| Head::parse(secret.expose())))
    }

    fn delete_parts(&mut self, account: &str, head: Option<Head>) -> Result<(), VaultError> {
        for part in head.into_iter().flat_map(|head| head.accounts(account)) {
            self.items.delete(&part)?;
        }
        Ok(())
    }
}

impl<I: Items> Items for Split<I> {
    fn get(&mut self, account: &str) -> Result<Option<Secret>, VaultError> {
        let Some(stored) = self.items.get(account)? else { return Ok(None) };
        let Some(head) = Head::parse(stored.expose()) else { return Ok(Some(stored)) };
        let mut whole = zeroize::Zeroizing::new(String::new());
        for part in head.accounts(account) {
            let part = self.items.get(&part)?.ok_or_else(|| VaultError::Failed {
                reason: format!("a part of the long secret {account} is missing; save it again"),
            })?;
            whole.push_str(part.expose());
        }
        Ok(Some(Secret::new(std::mem::take(&mut *whole))))
    }

    fn set(&mut self, account: &str, secret: &Secret) -> Result<(), VaultError> {
        let Some(limit) = self.limit else { return self.items.set(account, secret) };
        let old = self.head(account)?;
        let parts = if secret.expose().len() <= limit { Vec::new() } else { cut(secret.expose(), limit) };
        if parts.is_empty() {
            self.items.set(account, secret)?;
        } else {
            let generation = if old.is_some_and(|old| old.generation == 'a') { 'b' } else { 'a' };
            let head = Head { generation, parts: parts.len() };
            for (name, part) in head.accounts(account).zip(&parts) {
                self.items.set(&name, part)?;
            }
            self.items.set(account, &head.render())?;
        }
        self.delete_parts(account, old)
    }

    fn delete(&mut self, account: &str) -> Result<bool, VaultError> {
        let old = self.head(account)?;
        let was_there = self.items.delete(account)?;
        self.delete_parts(account, old)?;
        Ok(was_there)
    }
}

/// Pieces of at most `limit` bytes, cut between letters.
fn cut(mut text: &str, limit: usize) -> Vec<Secret> {
    let mut parts = Vec::new();
    while !text.is_empty() {
        let (part, rest) = text.split_at(text.floor_char_boundary(limit).max(1));
        parts.push(Secret::new(part));
        text = rest;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::memory::Memory;
    use super::*;

    /// Fails at the n-th write.
    #[derive(Default)]
    struct Flaky {
        items: Memory,
        writes_left: usize,
    }

    impl Flaky {
        fn write(&mut self) -> Result<(), VaultError> {
            self.writes_left = self.writes_left.checked_sub(1).ok_or(VaultError::Locked)?;
            Ok(())
        }
    }

    impl Items for Flaky {
        fn get(&mut self, account: &str) -> Result<Option<Secret>, VaultError> {
            self.items.get(account)
        }
        fn set(&mut self, account: &str, secret: &Secret) -> Result<(), VaultError> {
            assert!(secret.expose().len() <= 24, "an item over the limit");
            self.write()?;
            self.items.set(account, secret)
        }
        fn delete(&mut self, account: &str) -> Result<bool, VaultError> {
            self.write()?;
            self.items.delete(account)
        }
    }

    proptest! {
        #[test]
        fn interrupted_anywhere_the_old_or_the_new_secret_is_there_whole(
            old in "[a-zäß€]{1,120}", new in "[a-zäß€]{1,120}", writes in 0_usize..20,
        ) {
            let mut split = Split::new(Flaky { writes_left: usize::MAX, ..Flaky::default() }, Some(24));
            split.set("id/slot", &Secret::new(&*old)).unwrap();
            split.items.writes_left = writes;
            let saved = split.set("id/slot", &Secret::new(&*new));
            let found = split.get("id/slot").unwrap().unwrap();
            let expected = if found == Secret::new(&*new) { &new } else { &old };
            prop_assert_eq!(found.expose(), expected);
            if saved.is_ok() {
                prop_assert_eq!(found.expose(), &new);
                split.items.writes_left = usize::MAX;
                prop_assert!(split.delete("id/slot").unwrap());
                prop_assert_eq!(format!("{:?}", split.items.items), format!("{:?}", Memory::default()));
            }
        }
    }
}
