//! Dates as Exif has them, and time codes of a sequence (SMPTE ST 12-1 in the eight bytes of CinemaDNG 1.1).

const NS: i64 = 1_000_000_000;
const DAY_S: i64 = 24 * 60 * 60;
/// Frames that a time code can tell apart in a second. Of faster sequences frames share a number.
const NUMBERS: u64 = 30;

/// A date, UTC: `YYYY:MM:DD HH:MM:SS`, and the nanoseconds behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) text: [u8; 19],
    pub(super) fraction: [u8; 9],
}

impl Date {
    /// Of nanoseconds since 1970.
    pub(super) fn of(ns: i64) -> Self {
        let (seconds, fraction) = (ns.div_euclid(NS), ns.rem_euclid(NS));
        let (days, second) = (seconds.div_euclid(DAY_S), seconds.rem_euclid(DAY_S));
        let [year, month, day] = civil(days);
        let mut text = *b"0000:00:00 00:00:00";
        digits(year, &mut text[0..4]);
        digits(month, &mut text[5..7]);
        digits(day, &mut text[8..10]);
        digits(second / 3600, &mut text[11..13]);
        digits(second / 60 % 60, &mut text[14..16]);
        digits(second % 60, &mut text[17..19]);
        let mut nanoseconds = [0; 9];
        digits(fraction, &mut nanoseconds);
        Self {
            text,
            fraction: nanoseconds,
        }
    }
}

/// Nanoseconds since 1970 of a date, digits behind its point, and an offset from UTC (`+02:00`); none where there is no
/// such date.
pub(super) fn nanoseconds(date: &str, fraction: &str, offset: &str) -> Option<i64> {
    let mut parts = date.trim_end().split([':', ' ']);
    let mut next = |range: std::ops::RangeInclusive<i64>| {
        let value = parts.next()?.parse().ok()?;
        range.contains(&value).then_some(value)
    };
    let (year, month, day) = (next(1..=9999)?, next(1..=12)?, next(1..=31)?);
    let (hour, minute, second) = (next(0..=23)?, next(0..=59)?, next(0..=60)?);
    let days = days(year, month, day);
    let seconds = days * DAY_S + hour * 3600 + minute * 60 + second - offset_s(offset).unwrap_or(0);
    let fraction = fraction.trim().bytes().chain(std::iter::repeat(b'0'));
    let ns = fraction.take(9).try_fold(0, |ns, digit| {
        digit
            .is_ascii_digit()
            .then(|| ns * 10 + i64::from(digit - b'0'))
    });
    seconds.checked_mul(NS)?.checked_add(ns.unwrap_or(0))
}

/// `+HH:MM`
fn offset_s(text: &str) -> Option<i64> {
    let (sign, rest) = text.trim().split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = hours
        .checked_mul(3600)?
        .checked_add(minutes.checked_mul(60)?)?;
    match sign {
        "+" if seconds < DAY_S => Some(seconds),
        "-" if seconds < DAY_S => Some(-seconds),
        _ => None,
    }
}

fn digits(mut value: i64, text: &mut [u8]) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Days from the first of March of the year 0 to the first of January 1970.
const EPOCH: i64 = 719_468;
const DAYS_OF_400_YEARS: i64 = 146_097;

/// Year, month and day of a day since 1970, in the Gregorian calendar. Years are counted from March on, so that the leap
/// day is their last.
fn civil(days: i64) -> [i64; 3] {
    let days = days + EPOCH;
    let (era, day) = (
        days.div_euclid(DAYS_OF_400_YEARS),
        days.rem_euclid(DAYS_OF_400_YEARS),
    );
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months from March on have 153 days in five.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let after_december = i64::from(month >= 10);
    [
        400 * era + year + after_december,
        month + 3 - 12 * after_december,
        day,
    ]
}

/// The inverse of [`civil`].
fn days(year: i64, month: i64, day: i64) -> i64 {
    let before_march = i64::from(month < 3);
    let (year, month) = (year - before_march, month - 3 + 12 * before_march);
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day = 365 * year + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1;
    era * DAYS_OF_400_YEARS + day - EPOCH
}

/// Most frames of a second that are counted.
pub(super) const FASTEST: f64 = 1000.0;

/// Frames of a second: the rate rounded up, as time codes count.
pub(super) fn nominal(frame_rate: f64) -> u64 {
    match frame_rate.ceil() {
        rate @ 1.0..FASTEST => rate as u64,
        FASTEST.. => FASTEST as u64,
        // What is no number, too.
        _ => 1,
    }
}

/// A frame's time code. Hours begin anew after a day. Where a second has more than 30 frames, two or more have one
/// number, and a flag tells the second of a pair (ST 12-1, section 12).
pub(super) fn time_code(frame: u64, frame_rate: f64) -> [u8; 8] {
    let nominal = nominal(frame_rate);
    let shared = nominal.div_ceil(NUMBERS);
    let (second, frame) = (frame / nominal, frame % nominal);
    let bcd = |value: u64| (((value / 10) << 4) | (value % 10)) as u8;
    let mut code = [0; 8];
    code[0] = bcd(frame / shared);
    code[1] = bcd(second % 60);
    code[2] = bcd(second / 60 % 60);
    code[3] = bcd(second / 3600 % 24);
    if shared == 2 && frame % shared == 1 {
        let (byte, bit) = second_of_pair(nominal);
        code[byte] |= bit;
    }
    code
}

/// The frame that a time code means, as exactly as it can say.
pub(super) fn frame(code: [u8; 8], frame_rate: f64) -> u64 {
    let nominal = nominal(frame_rate);
    let shared = nominal.div_ceil(NUMBERS);
    let number = |byte: u8, tens: u8| u64::from(byte >> 4 & tens) * 10 + u64::from(byte & 15);
    let [frame, second, minute, hour] =
        [(0, 3), (1, 7), (2, 7), (3, 3)].map(|(byte, tens): (usize, u8)| number(code[byte], tens));
    let (byte, bit) = second_of_pair(nominal);
    let odd = shared == 2 && code[byte] & bit != 0;
    ((hour * 60 + minute) * 60 + second) * nominal + frame * shared + u64::from(odd)
}

/// Byte and bit of the flag: it stands elsewhere for 25 numbers a second.
fn second_of_pair(nominal: u64) -> (usize, u8) {
    if nominal == 50 { (3, 0x80) } else { (1, 0x80) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(date: &Date) -> (&str, &str) {
        let text = std::str::from_utf8(&date.text).unwrap();
        (text, std::str::from_utf8(&date.fraction).unwrap())
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (ns, expected, fraction) in [
            (0, "1970:01:01 00:00:00", "000000000"),
            (-1, "1969:12:31 23:59:59", "999999999"),
            (951_782_400 * NS, "2000:02:29 00:00:00", "000000000"),
            (951_868_800 * NS, "2000:03:01 00:00:00", "000000000"),
            (
                1_772_323_199 * NS + 5_000_000,
                "2026:02:28 23:59:59",
                "005000000",
            ),
            (4_107_542_400 * NS, "2100:03:01 00:00:00", "000000000"),
        ] {
            assert_eq!(text(&Date::of(ns)), (expected, fraction));
        }
    }

    #[test]
    fn an_offset_is_taken_off() {
        assert_eq!(nanoseconds("1970:01:01 02:00:00", "", "+02:00"), Some(0));
        assert_eq!(
            nanoseconds("1970:01:01 00:00:00", "25", "-01:30"),
            Some(5400 * NS + NS / 4)
        );
        assert_eq!(nanoseconds("1970:01:01 00:00:00", "no", "noon"), Some(0));
        assert_eq!(nanoseconds("0000:00:00 00:00:00", "", ""), None);
        assert_eq!(nanoseconds("    :  :     :  :  ", "", ""), None);
    }

    #[test]
    fn time_codes_are_binary_coded_decimals() {
        let frame = ((23 * 60 + 59) * 60 + 58) * 24 + 17;
        assert_eq!(
            time_code(frame, 23.976),
            [0x17, 0x58, 0x59, 0x23, 0, 0, 0, 0]
        );
        assert_eq!(time_code(24 * 3600 * 24, 24.0), [0; 8]);
        assert_eq!(time_code(59, 60.0), [0x29, 0x80, 0, 0, 0, 0, 0, 0]);
        assert_eq!(time_code(49, 50.0), [0x24, 0, 0, 0x80, 0, 0, 0, 0]);
        assert_eq!(time_code(119, 120.0), [0x29, 0, 0, 0, 0, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn dates_come_back(ns in any::<i64>()) {
            let date = Date::of(ns);
            let (text, fraction) = text(&date);
            prop_assert_eq!(nanoseconds(text, fraction, "+00:00"), Some(ns));
        }

        #[test]
        fn time_codes_come_back(number in 0..24 * 3600 * 24u64, rate in 1..=60u32) {
            let rate = f64::from(rate);
            let number = number % (24 * 3600 * nominal(rate));
            prop_assert_eq!(frame(time_code(number, rate), rate), number);
        }

        #[test]
        fn any_time_code_and_text_is_read(code in any::<[u8; 8]>(), rate in any::<f64>(), text in ".{0,24}") {
            frame(code, rate);
            nanoseconds(&text, &text, &text);
        }
    }
}
