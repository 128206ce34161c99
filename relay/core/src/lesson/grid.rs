//! The teacher's overview: which rooms are shown as thumbnails, and which of them large.

use std::time::{Duration, Instant};

use protocol::SeatId;

/// How much of a room is wanted for an overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    Hidden,
    /// The lowest layer.
    Thumbnail,
    /// The best layer.
    Full,
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    ByHand,
    Every { pause: Duration, last: Instant },
}

/// One overview: as many thumbnails as fit at a time, more on further pages.
#[derive(Debug, Clone)]
pub struct Grid {
    per_page: usize,
    rooms: Vec<SeatId>,
    page: usize,
    turn: Turn,
    large: Option<SeatId>,
}

impl Grid {
    /// So many thumbnails at a time, at least one. Pages are turned by hand.
    pub fn new(per_page: usize) -> Self {
        Self {
            per_page: per_page.max(1),
            rooms: Vec::new(),
            page: 0,
            turn: Turn::ByHand,
            large: None,
        }
    }

    /// The rooms there are. Those that stay keep their order, so that nothing jumps; new ones come last.
    pub fn update(&mut self, rooms: &[SeatId]) {
        self.rooms.retain(|room| rooms.contains(room));
        for room in rooms {
            if !self.rooms.contains(room) {
                self.rooms.push(room.clone());
            }
        }
        self.large = self.large.take().filter(|room| rooms.contains(room));
        self.page = self.page.min(self.pages() - 1);
    }

    /// How many pages there are; one if there are no rooms.
    pub fn pages(&self) -> usize {
        self.rooms.len().div_ceil(self.per_page).max(1)
    }

    /// Shows a page, counted from 0, or the last one, until another is asked for.
    pub fn show(&mut self, page: usize) {
        self.turn = Turn::ByHand;
        self.page = page.min(self.pages() - 1);
    }

    /// The pages turn by themselves from now on.
    pub fn rotate(&mut self, now: Instant, pause: Duration) {
        let pause = pause.max(Duration::from_secs(1));
        self.turn = Turn::Every { pause, last: now };
    }

    /// When a page is turned next.
    pub fn due(&self) -> Option<Instant> {
        match self.turn {
            Turn::Every { pause, last } if self.pages() > 1 => Some(last + pause),
            Turn::Every { .. } | Turn::ByHand => None,
        }
    }

    /// Turns the page if it is time; at most once, however late it is. Whether it did.
    pub fn poll(&mut self, now: Instant) -> bool {
        let pages = self.pages();
        match &mut self.turn {
            Turn::Every { pause, last } if now.saturating_duration_since(*last) >= *pause => {
                *last = now;
                self.page = (self.page + 1) % pages;
                pages > 1
            }
            Turn::Every { .. } | Turn::ByHand => false,
        }
    }

    /// Shows one room large, or none. A room that is not there changes nothing.
    pub fn enlarge(&mut self, room: Option<SeatId>) {
        match room {
            Some(room) if !self.rooms.contains(&room) => {}
            room => self.large = room,
        }
    }

    /// The rooms on the page.
    pub fn page(&self) -> &[SeatId] {
        let from = self.page * self.per_page;
        let until = (from + self.per_page).min(self.rooms.len());
        &self.rooms[from.min(until)..until]
    }

    /// How much of a room is wanted now.
    pub fn detail(&self, room: &SeatId) -> Detail {
        if self.large.as_ref() == Some(room) {
            Detail::Full
        } else if self.page().contains(room) {
            Detail::Thumbnail
        } else {
            Detail::Hidden
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(numbers: impl IntoIterator<Item = u32>) -> Vec<SeatId> {
        let seat = |n| format!("room-{n}").parse().unwrap();
        numbers.into_iter().map(seat).collect()
    }

    #[test]
    fn a_class_fits_on_one_page_and_a_province_on_several() {
        let mut grid = Grid::new(29);
        assert_eq!((grid.pages(), grid.page()), (1, &[][..]));
        grid.update(&rooms(1..=29));
        assert_eq!((grid.pages(), grid.page().len()), (1, 29));
        grid.update(&rooms(1..=70));
        assert_eq!(grid.pages(), 3);
        grid.show(9);
        assert_eq!(grid.page(), rooms(59..=70));
        grid.update(&rooms(1..=30));
        assert_eq!(grid.page(), rooms([30]), "the last page that is left");
    }

    #[test]
    fn nothing_jumps_when_rooms_come_and_go() {
        let mut grid = Grid::new(4);
        grid.update(&rooms([5, 7]));
        grid.update(&rooms([1, 5, 6, 7]));
        assert_eq!(grid.page(), rooms([5, 7, 1, 6]));
        grid.update(&rooms([1, 6, 7]));
        assert_eq!(grid.page(), rooms([7, 1, 6]));
    }

    #[test]
    fn pages_turn_by_themselves_until_somebody_turns_them() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut grid = Grid::new(2);
        grid.update(&rooms(1..=3));
        grid.rotate(start, 10 * second);
        assert!(!grid.poll(start + 9 * second));
        assert_eq!(grid.due(), Some(start + 10 * second));
        assert!(grid.poll(start + 10 * second));
        assert_eq!(grid.page(), rooms([3]));
        assert!(grid.poll(start + 100 * second) && !grid.poll(start + 101 * second));
        assert_eq!(grid.page(), rooms([1, 2]));
        grid.show(0);
        assert_eq!(grid.due(), None);
        assert!(!grid.poll(start + 200 * second));
    }

    #[test]
    fn only_what_is_shown_large_takes_the_best_layer() {
        let mut grid = Grid::new(2);
        grid.update(&rooms(1..=3));
        let [one, two, three] = <[SeatId; 3]>::try_from(rooms(1..=3)).unwrap();
        grid.enlarge(Some(three.clone()));
        assert_eq!(grid.detail(&one), Detail::Thumbnail);
        assert_eq!(grid.detail(&three), Detail::Full, "on whatever page it is");
        grid.enlarge(Some("room-9".parse().unwrap()));
        assert_eq!(grid.detail(&three), Detail::Full);
        grid.enlarge(None);
        assert_eq!(grid.detail(&three), Detail::Hidden);
        grid.enlarge(Some(two.clone()));
        grid.update(&[one]);
        assert_eq!(grid.detail(&two), Detail::Hidden, "it has gone");
    }
}
