#include "coordinator/identity.h"

#include <nlohmann/json.hpp>
#include <type_traits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

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

// The inverse of what Quoted() writes between its quotes.
std::string Unquoted(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped =
        text[i] == '%' && i + 2 < text.size() && absl::ascii_isxdigit(text[i + 1]) && absl::ascii_isxdigit(text[i + 2]);
    out += escaped ? absl::HexStringToBytes(text.substr(i + 1, 2)) : std::string(1, text[i]);
    if (escaped) i += 2;
  }
  return out;
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

std::string OptionsJson(const rpc::StartOptions& options, Life life) {
  return absl::StrCat("{\"batch_rows_max\":", options.batch_rows_max, ",\"connection\":", Quoted(options.connection),
                      ",\"connections_max\":", options.connections_max, ",\"no_indexes\":", Truth(options.no_indexes),
                      ",\"no_verify\":", Truth(options.no_verify),
                      ",\"on_source_change\":", Quoted(options.on_source_change), ",\"readers\":", options.readers,
                      ",\"rejects_max\":", options.rejects_max, ",\"service\":", Truth(life == Life::kService),
                      ",\"verify_level\":", Quoted(options.verify_level), ",\"writers\":", options.writers, "}");
}

absl::StatusOr<bool> IsForService(const std::string& json) {
  RETURN_IF_ERROR(ParseOptions(json).status());
  const nlohmann::json parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  return parsed.value("service", false);
}

absl::StatusOr<rpc::StartOptions> ParseOptions(const std::string& json) {
  const nlohmann::json parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return absl::DataLossError("the ledger's options of a migration are no JSON object");
  rpc::StartOptions options;
  const auto read = [&](const char* name, auto& value) {
    const auto found = parsed.find(name);
    if (found == parsed.end()) return true;  // of an older program: the default
    using Type = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<Type, std::string>) {
      if (!found->is_string()) return false;
      value = Unquoted(found->template get<std::string>());
    } else if constexpr (std::is_same_v<Type, bool>) {
      if (!found->is_boolean()) return false;
      value = found->template get<bool>();
    } else {
      if (!found->is_number_integer()) return false;
      value = found->template get<Type>();
    }
    return true;
  };
  const bool known = read("batch_rows_max", options.batch_rows_max) && read("connection", options.connection) &&
                     read("connections_max", options.connections_max) && read("no_indexes", options.no_indexes) &&
                     read("no_verify", options.no_verify) && read("on_source_change", options.on_source_change) &&
                     read("readers", options.readers) && read("rejects_max", options.rejects_max) &&
                     read("verify_level", options.verify_level) && read("writers", options.writers);
  if (!known) return absl::DataLossError("the ledger's options of a migration have values of another type");
  return options;
}

}  // namespace vecferry::coordinator
