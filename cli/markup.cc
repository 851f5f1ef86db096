#include "cli/markup.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/text_format.h"
#include "common/core/migration.h"

namespace vecferry::cli {
namespace {

struct Range {
  std::uint32_t first, last;
};

// Characters that are not seen, or turn around or hide what stands beside them (Unicode's Bidi_Control and
// Default_Ignorable_Code_Point). Not the joiners U+200C and U+200D and the variation selectors, which scripts and
// pictures are written with.
constexpr Range kUnseen[] = {
    {0xad, 0xad},     {0x34f, 0x34f},   {0x61c, 0x61c},   {0x115f, 0x1160},   {0x17b4, 0x17b5},  {0x180b, 0x180e},
    {0x200b, 0x200b}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},   {0x3164, 0x3164},  {0xfeff, 0xfeff},
    {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}};

bool IsUnseen(std::uint32_t character) {
  return std::any_of(std::begin(kUnseen), std::end(kUnseen),
                     [character](const Range& range) { return character >= range.first && character <= range.last; });
}

bool BeginsCharacter(char byte) { return (byte & 0xc0) != 0x80; }

std::int64_t CountCharacters(absl::string_view text) {
  return std::count_if(text.begin(), text.end(), BeginsCharacter);
}

// `bytes` are one valid character.
std::uint32_t CodePoint(absl::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  std::uint32_t character = bytes.size() == 1 ? lead : lead & (0x7fu >> bytes.size());
  for (const char byte : bytes.substr(1)) character = (character << 6) | (byte & 0x3fu);
  return character;
}

enum class Looks { kPlain, kDressed };

// What is said in the place of something, apart from what stands there itself.
void AppendAside(Looks looks, absl::string_view css, absl::string_view aside, std::string& out) {
  if (looks == Looks::kPlain) {
    absl::StrAppend(&out, aside);
  } else {
    absl::StrAppend(&out, "<span class=\"", css, "\">", aside, "</span>");
  }
}

void AppendEscaped(Looks looks, absl::string_view bytes, std::string& out) {
  const std::uint32_t character = CodePoint(bytes);
  switch (character) {
    case '&': out += "&amp;"; return;
    case '<': out += "&lt;"; return;
    case '>': out += "&gt;"; return;
    case '"': out += "&quot;"; return;
    case '\'': out += "&#39;"; return;
    default: break;
  }
  if (IsUnseen(character)) {
    AppendAside(looks, "unseen", absl::StrFormat("[U+%04X]", character), out);
  } else {
    out.append(bytes.data(), bytes.size());
  }
}

std::string EscapeText(Looks looks, absl::string_view text, std::size_t characters_max) {
  // A character has four bytes at most: what lies beyond is only counted. A value may have a gigabyte.
  const absl::string_view looked_at = text.substr(0, 4 * characters_max + 4);
  const std::string valid = core::SanitizeText(looked_at);
  std::string out;
  std::size_t at = 0, characters = 0;
  while (at < valid.size() && characters < characters_max) {
    std::size_t end = at + 1;
    while (end < valid.size() && !BeginsCharacter(valid[end])) ++end;
    AppendEscaped(looks, absl::string_view(valid).substr(at, end - at), out);
    at = end;
    ++characters;
  }
  const std::int64_t cut = CountCharacters(absl::string_view(valid).substr(at)) +
                           CountCharacters(text.substr(std::min(text.size(), looked_at.size())));
  if (cut > 0) AppendAside(looks, "cut", absl::StrCat("\xe2\x80\xa6 (+", GroupDigits(cut), " characters)"), out);
  return out;
}

}  // namespace

Markup Escaped(absl::string_view text, std::size_t characters_max) {
  Markup markup;
  markup.text_ = EscapeText(Looks::kPlain, text, characters_max);
  return markup;
}

Markup Isolated(absl::string_view text, std::size_t characters_max) {
  Markup markup;
  if (!text.empty()) markup.text_ = absl::StrCat("<bdi>", EscapeText(Looks::kDressed, text, characters_max), "</bdi>");
  return markup;
}

Markup Code(absl::string_view text, std::size_t characters_max) {
  return text.empty() ? Markup() : Cat("<code>", Isolated(text, characters_max), "</code>");
}

Markup Decimal(double number, int digits) {
  Markup markup;
  markup.text_ = absl::StrFormat("%.*f", digits, std::isfinite(number) ? number : 0.0);
  return markup;
}

Markup Number(std::int64_t number) { return Escaped(GroupDigits(number)); }

Markup Bytes(std::int64_t bytes) { return Escaped(FormatBytes(static_cast<double>(bytes))); }

Markup Seconds(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "\xe2\x80\x93";
  if (seconds < 60) return Escaped(FormatSeconds(seconds));
  return Escaped(absl::StrCat(FormatClock(seconds), seconds < 3599.5 ? " min" : " h"));
}

Markup Utc(const std::string& rfc3339) {
  const bool plain = rfc3339.size() >= 20 && rfc3339[10] == 'T' && absl::EndsWith(rfc3339, "Z");
  if (!plain) return OrDash(Escaped(rfc3339));
  return Escaped(absl::StrCat(rfc3339.substr(0, 10), " ", rfc3339.substr(11, rfc3339.size() - 12), " UTC"));
}

Markup OrDash(const Markup& markup) { return markup.empty() ? Markup("\xe2\x80\x93") : markup; }

void MarkupTable::Add(std::vector<Markup> cells) {
  assert(cells.size() == columns_.size());
  if (rows_.size() < kRowsMax) {
    rows_.push_back(std::move(cells));
  } else {
    ++more_;
  }
}

Markup MarkupTable::Row(const std::vector<Markup>& cells) const {
  Markup row = "<tr>";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    Markup css;
    if (columns_[i].kind == MarkupColumn::kNumber) css = " class=\"number\"";
    if (columns_[i].kind == MarkupColumn::kWord) css = " class=\"word\"";
    if (columns_[i].kind == MarkupColumn::kLong) css = " class=\"long\"";
    row += i == 0 ? Cat("<th scope=\"row\"", css, ">", cells[i], "</th>") : Cat("<td", css, ">", cells[i], "</td>");
  }
  row += "</tr>\n";
  return row;
}

Markup MarkupTable::Build() const {
  Markup table =
      Cat("<div class=\"scroll\" tabindex=\"0\"><table>\n<caption><span>", caption_, "</span></caption>\n<thead><tr>");
  for (const MarkupColumn& column : columns_) {
    const Markup css = column.kind == MarkupColumn::kNumber ? Markup(" class=\"number\"") : Markup();
    table += Cat("<th scope=\"col\"", css, ">", column.heading, "</th>");
  }
  table += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows_) table += Row(row);
  table += "</tbody>\n";
  if (!total_.empty()) table += Cat("<tfoot>\n", Row(total_), "</tfoot>\n");
  table += "</table></div>\n";
  if (more_ > 0) table += Cat("<p class=\"more\">+", Number(more_), " more</p>\n");
  return table;
}

}  // namespace vecferry::cli
