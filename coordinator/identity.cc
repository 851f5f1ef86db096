#include "coordinator/identity.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace vecferry::coordinator {
namespace {

std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (absl::ascii_isprint(c) && c != '%' && c != '"' && c != '\\') {
      out += c;
    } else {
      absl::StrAppendFormat(&out, "%%%02x", static_cast<unsigned char>(c));
    }
  }
  return out + '"';
}

std::string List(const std::vector<std::string>& texts) {
  return absl::StrCat(
      "[", absl::StrJoin(texts, ",", [](std::string* out, const std::string& text) { *out += Quoted(text); }), "]");
}

absl::string_view Truth(bool truth) { return truth ? "true" : "false"; }

}  // namespace

std::string IdentityText(const core::Identity& identity) {
  return absl::StrCat("{\"source_kind\":", Quoted(identity.source_kind),
                      ",\"source_path\":", Quoted(identity.source_path),
                      ",\"destination_schema\":", Quoted(identity.destination_schema),
                      ",\"profile\":", Quoted(identity.profile), ",\"only\":", List(identity.only),
                      ",\"skip\":", List(identity.skip), ",\"vector_columns\":", List(identity.vector_columns),
                      ",\"on_conflict\":", Quoted(identity.on_conflict), ",\"max_row_bytes\":", identity.max_row_bytes,
                      ",\"allow_model_mismatch\":", Truth(identity.allow_model_mismatch), "}");
}

std::string OptionsJson(const rpc::StartOptions& options) {
  return absl::StrCat("{\"batch_rows_max\":", options.batch_rows_max, ",\"connection\":", Quoted(options.connection),
                      ",\"connections_max\":", options.connections_max, ",\"no_indexes\":", Truth(options.no_indexes),
                      ",\"no_verify\":", Truth(options.no_verify),
                      ",\"on_source_change\":", Quoted(options.on_source_change), ",\"readers\":", options.readers,
                      ",\"rejects_max\":", options.rejects_max, ",\"writers\":", options.writers, "}");
}

}  // namespace vecferry::coordinator
