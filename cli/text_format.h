#ifndef VECFERRY_CLI_TEXT_FORMAT_H_
#define VECFERRY_CLI_TEXT_FORMAT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace vecferry::cli {

// Numbers, times and tables for people. Pure; nothing depends on the locale.

std::string GroupDigits(std::int64_t number);  // 1,234,567
std::string FormatBytes(double bytes);         // 12.3 MB (10^6)
std::string FormatSeconds(double seconds);     // 0.25 s
std::string FormatClock(double seconds);       // 1:02:03, 0:12

// Lines of columns under a heading; the columns from `first_number` on are aligned to the right.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows, std::size_t first_number,
                        absl::string_view indent);

// Whether the environment wants plain ASCII: NO_COLOR, TERM=dumb, or a locale without UTF-8.
bool WantsAscii();

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_TEXT_FORMAT_H_
