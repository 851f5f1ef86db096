#include "common/postgres/conninfo.h"

#include <libpq-fe.h>

#include <cstdlib>
#include <map>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "common/postgres/connection.h"

namespace vecferry::postgres {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

bool IsUrl(absl::string_view conninfo) {
  return absl::StartsWith(conninfo, "postgresql://") || absl::StartsWith(conninfo, "postgres://");
}

bool IsSecret(absl::string_view keyword) { return keyword == "password" || keyword == "sslpassword"; }

// A value of a key=value text, quoted where it must be.
std::string QuoteValue(const std::string& value) {
  if (!value.empty() && value.find_first_of(" '\\") == std::string::npos) return value;
  return absl::StrCat("'", absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

std::string AsUrl(std::map<std::string, std::string> options) {
  const auto take = [&](const char* keyword) {
    auto node = options.extract(keyword);
    return node.empty() ? std::string() : node.mapped();
  };
  const std::string user = take("user"), password = take("password"), port = take("port"), database = take("dbname");
  std::string url = "postgresql://";
  absl::StrAppend(&url, user, password.empty() ? "" : ":***", user.empty() && password.empty() ? "" : "@");
  // A socket's folder cannot stand before the path as it is.
  const auto host = options.find("host");
  if (host != options.end() && !absl::StrContains(host->second, '/')) absl::StrAppend(&url, take("host"));
  absl::StrAppend(&url, port.empty() ? "" : ":", port, "/", database);
  char separator = '?';
  for (const auto& [keyword, value] : options) {
    absl::StrAppend(&url, std::string(1, separator), keyword, "=", IsSecret(keyword) ? "***" : value);
    separator = '&';
  }
  return url;
}

}  // namespace

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseConninfo(absl::string_view conninfo) {
  const std::string text(conninfo);
  const bool url = IsUrl(conninfo);
  char* error = nullptr;
  const Options parsed(PQconninfoParse(text.c_str(), &error));
  PQfreemem(error);
  const absl::Status unreadable = absl::InvalidArgumentError(
      url ? "the Postgres URL cannot be read; its form is postgresql://USER@HOST:PORT/DATABASE, and special characters "
            "(@ : / ? # %) in the user's name or password must be percent-encoded"
          : "the Postgres connection text cannot be read; it is a URL (postgresql://...) or key=value pairs "
            "(host=... dbname=...), with 'quotes' around values that hold spaces");
  if (parsed == nullptr) return unreadable;
  std::vector<std::pair<std::string, std::string>> options;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    // An '@' in a password that is not encoded moves the rest of it into another part, which messages would show.
    if (url && !IsSecret(option->keyword) && absl::StrContains(option->val, '@') &&
        (absl::StrContains(option->keyword, "host") || absl::StrContains(option->keyword, "dbname"))) {
      return unreadable;
    }
    options.emplace_back(option->keyword, option->val);
  }
  return options;
}

std::string MaskConninfo(absl::string_view conninfo) {
  const auto parsed = ParseConninfo(conninfo);
  if (!parsed.ok()) return "***";
  if (IsUrl(conninfo)) return AsUrl({parsed->begin(), parsed->end()});
  std::string masked;
  for (const auto& [keyword, value] : *parsed) {
    absl::StrAppend(&masked, masked.empty() ? "" : " ", keyword, "=", IsSecret(keyword) ? "***" : QuoteValue(value));
  }
  if (!masked.empty()) return masked;
  // Nothing said: libpq's environment decides.
  for (const auto& [variable, keyword] : {std::pair{"PGSERVICE", "service"},
                                          {"PGHOST", "host"},
                                          {"PGHOSTADDR", "hostaddr"},
                                          {"PGPORT", "port"},
                                          {"PGUSER", "user"},
                                          {"PGDATABASE", "dbname"}}) {
    const char* value = std::getenv(variable);
    if (value != nullptr) absl::StrAppend(&masked, masked.empty() ? "" : " ", keyword, "=", QuoteValue(value));
  }
  return masked.empty() ? "libpq's defaults" : masked;
}

}  // namespace vecferry::postgres
