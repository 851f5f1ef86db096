#ifndef VECFERRY_CLI_MARKUP_H_
#define VECFERRY_CLI_MARKUP_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace vecferry::cli {

// A piece of a page of HTML. It is made of literals of this program and of what the functions here escape, so that no
// text of a source can become markup: a std::string does not convert.
class Markup {
 public:
  Markup() = default;
  template <std::size_t kSize>
  Markup(const char (&literal)[kSize]) : text_(literal, kSize - 1) {}  // NOLINT(google-explicit-constructor)

  Markup& operator+=(const Markup& other) {
    text_ += other.text_;
    return *this;
  }
  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }

 private:
  friend Markup Escaped(absl::string_view text, std::size_t characters_max);
  friend Markup Isolated(absl::string_view text, std::size_t characters_max);
  friend Markup Decimal(double number, int digits);
  std::string text_;
};

template <typename... Parts>
Markup Cat(const Parts&... parts) {
  Markup all;
  ((all += Markup(parts)), ...);
  return all;
}

// Characters of names and of values; longer ones are cut, and say by how much.
inline constexpr std::size_t kNameCharactersMax = 120, kValueCharactersMax = 200, kTextCharactersMax = 600;

// Text of any bytes: without controls, markup and characters that hide or turn around what stands beside them, which
// are told by their numbers. No elements: it may stand in titles and in SVG.
Markup Escaped(absl::string_view text, std::size_t characters_max = kNameCharactersMax);
// The same as an element of its own, kept apart from the direction of the text around it; nothing for nothing.
Markup Isolated(absl::string_view text, std::size_t characters_max = kNameCharactersMax);
Markup Code(absl::string_view text, std::size_t characters_max = kNameCharactersMax);

Markup Decimal(double number, int digits);  // 0.13: a number for SVG and for people; 0 when it is none
Markup Number(std::int64_t number);         // 1,234,567
Markup Bytes(std::int64_t bytes);           // 12.3 MB
Markup Seconds(double seconds);             // 0.25 s, 2:05 min, 1:02:03 h
Markup Utc(const std::string& rfc3339);     // 2026-01-01 00:00:00 UTC; "" gives a dash
Markup OrDash(const Markup& markup);        // a dash for nothing

struct MarkupColumn {
  Markup heading;
  enum Kind { kText, kNumber, kWord, kLong } kind = kText;  // kWord: one of ours, whole; kLong: wraps anywhere
};

// A table with a caption, in a box of its own that scrolls where the page is narrow.
class MarkupTable {
 public:
  MarkupTable(Markup caption, std::vector<MarkupColumn> columns)
      : caption_(std::move(caption)), columns_(std::move(columns)) {}
  // One cell a column; the first names the row.
  void Add(std::vector<Markup> cells);
  void SetTotal(std::vector<Markup> cells) { total_ = std::move(cells); }
  // More rows that the report does not have.
  void CountMore(std::int64_t rows) { more_ += rows; }
  Markup Build() const;

 private:
  Markup Row(const std::vector<Markup>& cells) const;

  Markup caption_;
  std::vector<MarkupColumn> columns_;
  std::vector<std::vector<Markup>> rows_;
  std::vector<Markup> total_;
  std::int64_t more_ = 0;
};

// Rows of one table, items of one list at most; a report may have a row for each of thousands of tables.
inline constexpr std::size_t kRowsMax = 1000;

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_MARKUP_H_
