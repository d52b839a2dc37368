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
///
/// After Neri and Schneider, "Euclidean affine functions and their application to calendar algorithms" (2023): a division
/// by a century's or a year's days is a multiplication whose upper half is the quotient, its lower half the rest.
pub fn date(days: i64) -> (u32, u32, u32) {
    const PER_YEAR: u64 = 2_939_745;
    let quarters = (days + DAYS_TO_1970 + DAYS_OF_A_CYCLE) as u32 * 4 + 3;
    let (century, of_century) = (quarters / DAYS_OF_A_CYCLE as u32, quarters % DAYS_OF_A_CYCLE as u32);
    let years = PER_YEAR * u64::from(of_century | 3);
    let (year, day) = (century * 100 + (years >> 32) as u32, years as u32 / PER_YEAR as u32 / 4);
    let months = 2_141 * day + 197_913;
    let (month, of_month) = (months >> 16, (months & 0xffff) / 2_141 + 1);
    // From the first of January the day belongs to the calendar's next year.
    let next = day >= 306;
    (year + u32::from(next) - 400, if next { month - 12 } else { month }, of_month)
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
