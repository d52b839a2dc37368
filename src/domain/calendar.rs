//! Days and dates of the proleptic Gregorian calendar, in integers: what `feed` reads instants with and `wire` writes
//! them. Years begin in March here, so that a leap day is a year's last.

/// From the first of March of the year 0 to 1970.
const DAYS_TO_1970: i64 = 719_468;
/// In 400 years. Counting begins so much earlier, so that nothing is below zero.
const DAYS_OF_A_CYCLE: i64 = 146_097;

/// Days since 1970 of a date of the years 0 to 9999.
pub fn days_since_1970(year: u32, month: u32, day: u32) -> i64 {
    let year = year + 400 - u32::from(month <= 2);
    let month = (month + 9) % 12;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    i64::from(days) - DAYS_OF_A_CYCLE - DAYS_TO_1970
}

/// Year, month and day of so many days since 1970, in the years 0 to 9999.
pub fn date(days: i64) -> (u32, u32, u32) {
    let days = (days + DAYS_TO_1970 + DAYS_OF_A_CYCLE) as u32;
    let (cycle, day) = (days / DAYS_OF_A_CYCLE as u32, days % DAYS_OF_A_CYCLE as u32);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (of_month, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (year + cycle * 400 + u32::from(month <= 2) - 400, month, of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years_comes_back() {
        let (first, last) = (days_since_1970(0, 1, 1), days_since_1970(9_999, 12, 31));
        assert_eq!((first, last), (-719_528, 2_932_896));
        for day in first..=last {
            let (year, month, of_month) = date(day);
            assert_eq!(days_since_1970(year, month, of_month), day);
        }
    }
}
