#include "coordinator/failure_text.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/core/migration.h"

namespace vecferry::coordinator {

std::string FailureText(const absl::Status& status) {
  std::string text = core::SanitizeText(absl::StrReplaceAll(status.message(), {{"\r", ""}, {"\n", "; "}}));
  if (absl::StrContains(text, "same command") || absl::StrContains(text, "vecferry ")) return text;
  return absl::StrCat(absl::StripSuffix(text, "."), absl::IsUnavailable(status)
                                                        ? ": run the same command again"
                                                        : ": fix it and run the same command again");
}

}  // namespace vecferry::coordinator
