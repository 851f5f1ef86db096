#include "cli/confirm.h"

#include <stdio.h>

#include <iostream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace vecferry::cli {

absl::Status ConfirmByName(absl::string_view what, absl::string_view name) {
  const std::string question = absl::StrCat(what, " This cannot be undone. Type ", name, " to go on (or use --yes): ");
  fwrite(question.data(), 1, question.size(), stderr);
  std::string line;
  if (!std::getline(std::cin, line)) fputs("\n", stderr);
  if (absl::StripAsciiWhitespace(line) == name) return absl::OkStatus();
  return absl::CancelledError(absl::StrCat("'", name, "' was not typed: nothing was changed"));
}

}  // namespace vecferry::cli
