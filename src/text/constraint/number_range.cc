#include "text/constraint/number_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace burin::constraint {
namespace {

constexpr uint32_t kMaxDigits = 15;

Expr Digit(char first, char last) {
  return Points({static_cast<uint8_t>(first), static_cast<uint8_t>(last)});
}
Expr Digits(uint32_t min, uint32_t max) { return Repeat(Digit('0', '9'), min, max); }
Expr AnyDigits() { return Digits(0, kUnlimited); }
Expr Fraction(Expr digits) { return Sequence({Bytes("."), std::move(digits)}); }
Expr AnyFraction() { return Optional(Fraction(Digits(1, kUnlimited))); }
// Digits that are not all zero.
Expr SomeNonzero() {
  return Sequence({Repeat(Digit('0', '0'), 0, kUnlimited), Digit('1', '9'), AnyDigits()});
}

// A bound without its sign: no leading zeros before the point, no trailing ones behind it.
struct Magnitude {
  std::string whole, fraction;
  bool negative = false;
  bool IsZero() const { return whole == "0" && fraction.empty(); }
};

Magnitude Parse(std::string_view decimal) {
  Magnitude made;
  made.negative = decimal.starts_with('-');
  if (made.negative) decimal.remove_prefix(1);
  const size_t point = std::min(decimal.find('.'), decimal.size());
  made.whole = decimal.substr(0, point);
  if (point < decimal.size()) made.fraction = decimal.substr(point + 1);
  while (made.fraction.ends_with('0')) made.fraction.pop_back();
  if (made.IsZero()) made.negative = false;
  return made;
}

// Numbers from zero on that are at least `bound` (more, if exclusive).
Expr AtLeast(const Magnitude& bound, bool exclusive) {
  const std::string &whole = bound.whole, &fraction = bound.fraction;
  const auto size = static_cast<uint32_t>(whole.size());
  if (size > kMaxDigits) return Nothing();
  std::vector<Expr> larger = {Sequence({Digit('1', '9'), Digits(size, kUnlimited)})};
  for (uint32_t i = 0; i < size; ++i) {
    if (whole[i] == '9') continue;
    const char next = static_cast<char>(whole[i] + 1);
    larger.push_back(Sequence(
        {Bytes(whole.substr(0, i)), Digit(next, '9'), Digits(size - i - 1, size - i - 1)}));
  }
  std::vector<Expr> choices = {Sequence({Choice(std::move(larger)), AnyFraction()})};
  if (fraction.empty()) {
    choices.push_back(
        Sequence({Bytes(whole), exclusive ? Fraction(SomeNonzero()) : AnyFraction()}));
  }
  for (size_t i = 0; i < fraction.size(); ++i) {
    const Expr prefix = Bytes(whole + "." + fraction.substr(0, i));
    if (fraction[i] != '9') {
      const char next = static_cast<char>(fraction[i] + 1);
      choices.push_back(Sequence({prefix, Digit(next, '9'), AnyDigits()}));
    }
    if (i + 1 == fraction.size()) {
      choices.push_back(
          Sequence({Bytes(whole + "." + fraction), exclusive ? SomeNonzero() : AnyDigits()}));
    }
  }
  return Choice(std::move(choices));
}

// Numbers from zero on that are at most `bound` (less, if exclusive).
Expr AtMost(const Magnitude& bound, bool exclusive) {
  const std::string &whole = bound.whole, &fraction = bound.fraction;
  const auto size = static_cast<uint32_t>(whole.size());
  const Expr zeros = Repeat(Bytes("0"), 1, kUnlimited);
  if (size > kMaxDigits + 1) {
    return Sequence(
        {Choice({Bytes("0"), Sequence({Digit('1', '9'), AnyDigits()})}), AnyFraction()});
  }
  std::vector<Expr> smaller;
  if (size > 1) {
    smaller.push_back(Bytes("0"));
    smaller.push_back(Sequence({Digit('1', '9'), Digits(0, size - 2)}));
  }
  for (uint32_t i = 0; i < size; ++i) {
    const char first = i == 0 && size > 1 ? '1' : '0';
    if (whole[i] <= first) continue;
    const char last = static_cast<char>(whole[i] - 1);
    smaller.push_back(Sequence(
        {Bytes(whole.substr(0, i)), Digit(first, last), Digits(size - i - 1, size - i - 1)}));
  }
  std::vector<Expr> choices = {Sequence({Choice(std::move(smaller)), AnyFraction()})};
  if (fraction.empty()) {
    if (!exclusive) choices.push_back(Sequence({Bytes(whole), Optional(Fraction(zeros))}));
    return Choice(std::move(choices));
  }
  choices.push_back(Bytes(whole));
  for (size_t i = 0; i < fraction.size(); ++i) {
    const std::string prefix = whole + "." + fraction.substr(0, i);
    if (i > 0) choices.push_back(Bytes(prefix));
    if (fraction[i] != '0') {
      const char last = static_cast<char>(fraction[i] - 1);
      choices.push_back(Sequence({Bytes(prefix), Digit('0', last), AnyDigits()}));
    }
  }
  if (!exclusive) {
    choices.push_back(Sequence({Bytes(whole + "." + fraction), Repeat(Bytes("0"), 0, kUnlimited)}));
  }
  return Choice(std::move(choices));
}

Expr Negative(Expr magnitude) { return Sequence({Bytes("-"), std::move(magnitude)}); }

Expr AnyMagnitude() {
  return Sequence({Choice({Bytes("0"), Sequence({Digit('1', '9'), AnyDigits()})}), AnyFraction()});
}

Expr FromLow(const NumberBound& low) {
  const Magnitude bound = Parse(low.decimal);
  if (!bound.negative) return AtLeast(bound, low.exclusive);
  return Choice({AnyMagnitude(), Negative(AtMost(bound, low.exclusive))});
}

Expr ToHigh(const NumberBound& high) {
  const Magnitude bound = Parse(high.decimal);
  if (bound.negative) return Negative(AtLeast(bound, high.exclusive));
  // -0 is zero: it counts as a negative number only where zero does not matter.
  const bool below_zero = bound.IsZero() && high.exclusive;
  return Choice({AtMost(bound, high.exclusive),
                 Negative(below_zero ? AtLeast(bound, /*exclusive=*/true) : AnyMagnitude())});
}

// JSON's form with at most kMaxDigits digits.
Expr ShortNumber(bool integer) {
  const Expr whole = Choice({Bytes("0"), Sequence({Digit('1', '9'), Digits(0, kMaxDigits - 1)})});
  if (integer) return Sequence({Optional(Bytes("-")), whole});
  std::vector<Expr> choices = {whole, Sequence({Bytes("0"), Fraction(Digits(1, kMaxDigits - 1))})};
  for (uint32_t i = 1; i < kMaxDigits; ++i) {
    choices.push_back(
        Sequence({Digit('1', '9'), Digits(i - 1, i - 1), Fraction(Digits(1, kMaxDigits - i))}));
  }
  return Sequence({Optional(Bytes("-")), Choice(std::move(choices))});
}

}  // namespace

Expr NumberBetween(bool integer, const std::optional<NumberBound>& low,
                   const std::optional<NumberBound>& high) {
  if (!low && !high) {
    std::vector<Expr> parts = {
        Optional(Bytes("-")),
        Choice({Bytes("0"), Sequence({Digit('1', '9'), Digits(0, integer ? 14 : 15)})})};
    if (!integer) {
      CodePoints exponent('e', 'e');
      exponent.Add('E', 'E');
      CodePoints sign('+', '+');
      sign.Add('-', '-');
      parts.push_back(Optional(Fraction(Digits(1, 16))));
      parts.push_back(Optional(Sequence({Points(exponent), Optional(Points(sign)), Digits(1, 2)})));
    }
    return Sequence(std::move(parts));
  }
  Expr number = ShortNumber(integer);
  if (low) number = Both(std::move(number), FromLow(*low));
  if (high) number = Both(std::move(number), ToHigh(*high));
  return number;
}

std::string PlainDecimal(double number) {
  std::string text = fmt::format("{}", number);
  const size_t mark = text.find('e');
  if (mark == std::string::npos) return text;
  int exponent = 0;
  const size_t begin = mark + (text[mark + 1] == '+' ? 2 : 1);
  std::from_chars(text.data() + begin, text.data() + text.size(), exponent);
  const bool negative = text[0] == '-';
  std::string digits = text.substr(negative ? 1 : 0, mark - (negative ? 1 : 0));
  size_t point = std::min(digits.find('.'), digits.size());
  std::erase(digits, '.');
  const auto place = static_cast<ptrdiff_t>(point) + exponent;
  if (place <= 0) {
    digits = "0." + std::string(static_cast<size_t>(-place), '0') + digits;
  } else if (static_cast<size_t>(place) >= digits.size()) {
    digits += std::string(static_cast<size_t>(place) - digits.size(), '0');
  } else {
    digits.insert(static_cast<size_t>(place), ".");
  }
  return (negative ? "-" : "") + digits;
}

}  // namespace burin::constraint
