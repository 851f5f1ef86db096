#include "common/service/options.h"

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "common/flags/values.h"

namespace vecferry::service {
namespace {

constexpr std::uintmax_t kUrlBytesMax = 64 << 10;  // of a file in --connections-dir
constexpr absl::string_view kConnectionVariable = "VECFERRY_CONNECTION_";
constexpr std::int64_t kDrainSecondsMax = 3600;

std::string VariableOf(absl::string_view name) {
  std::string variable = absl::AsciiStrToUpper(name);
  for (char& c : variable) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return variable;
}

absl::StatusOr<std::map<std::string, std::string>> ParseConnections(const std::vector<std::string>& words) {
  std::map<std::string, std::string> connections;
  for (const std::string& word : words) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(word, absl::MaxSplits('=', 1));
    // The word itself may hold a password.
    if (parts.first.empty() || parts.second.empty()) return flags::Refuse("--connection", "...", "NAME=URL");
    connections[parts.first] = parts.second;
  }
  return connections;
}

// What is no such file may keep its reader waiting.
bool IsSmallFile(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && std::filesystem::file_size(path, error) <= kUrlBytesMax;
}

}  // namespace

void AddServiceFlags(flags::Arguments& arguments) {
  arguments.AddText("--listen", "HOST:PORT", "Serve gRPC here; port 0 = any (default 127.0.0.1:0)");
  arguments.AddText("--metrics-listen", "HOST:PORT", "Serve /metrics, /healthz and /readyz here over HTTP");
  arguments.AddText("--connection", "NAME=URL", "A Postgres database under a name; repeatable", true);
  arguments.AddText("--connections-dir", "DIR", "A folder with one file a name, each holding a URL");
  arguments.AddText("--tls-cert", "FILE", "This service's certificate, PEM");
  arguments.AddText("--tls-key", "FILE", "Its key, PEM");
  arguments.AddText("--tls-ca", "FILE", "The authority that signs the peers' certificates, PEM");
  arguments.AddSwitch("--insecure", "Plain text beyond loopback addresses");
  arguments.AddSwitch("--no-reflection", "Do not tell callers what can be called");
  arguments.AddText("--drain-timeout", "SECONDS", "On SIGTERM, finish what is begun within (default 30)");
  arguments.AddText("--log-level", "LEVEL", "trace, debug, info, warn, error, off (default info)");
  arguments.AddText("--log-format", "FORMAT", "text, json (default text)");
}

absl::StatusOr<ServiceOptions> ReadServiceFlags(const flags::Arguments& arguments) {
  ServiceOptions options;
  options.server.listen = arguments.Get("--listen").value_or("127.0.0.1:0");
  options.server.tls = {arguments.Get("--tls-cert").value_or(""), arguments.Get("--tls-key").value_or(""),
                        arguments.Get("--tls-ca").value_or("")};
  options.server.insecure = arguments.Has("--insecure");
  options.server.reflection = !arguments.Has("--no-reflection");
  options.metrics_listen = arguments.Get("--metrics-listen").value_or("");
  options.connections_dir = arguments.Get("--connections-dir").value_or("");
  ASSIGN_OR_RETURN(options.connections, ParseConnections(arguments.GetAll("--connection")));
  if (const std::optional<std::string> seconds = arguments.Get("--drain-timeout")) {
    ASSIGN_OR_RETURN(const std::int64_t number, flags::ParseNumber("--drain-timeout", *seconds, 0, kDrainSecondsMax));
    options.drain_timeout = absl::Seconds(number);
  }
  options.log_level = arguments.Get("--log-level").value_or("info");
  ASSIGN_OR_RETURN(
      options.log_format,
      flags::ParseChoice("--log-format", arguments.Get("--log-format").value_or("text"), {"text", "json"}));
  return options;
}

Environment ProcessEnvironment() {
  Environment lines;
  for (char** line = environ; *line != nullptr; ++line) lines.emplace_back(*line);
  return lines;
}

Connections::Connections(const ServiceOptions& options, const Environment& environment)
    : given_(options.connections), folder_(options.connections_dir) {
  for (const std::string& line : environment) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (!absl::StartsWith(parts.first, kConnectionVariable) || parts.second.empty()) continue;
    environment_[parts.first.substr(kConnectionVariable.size())] = parts.second;
  }
}

absl::StatusOr<std::string> Connections::Resolve(absl::string_view name) const {
  if (const auto given = given_.find(std::string(name)); given != given_.end()) return given->second;
  if (const auto found = environment_.find(VariableOf(name)); found != environment_.end()) return found->second;
  // A name is no path.
  const std::string path = absl::StrCat(folder_, "/", name);
  const bool may_be_file = !folder_.empty() && !name.empty() && name[0] != '.' && !absl::StrContains(name, '/');
  if (may_be_file && IsSmallFile(path)) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    const std::string url(absl::StripAsciiWhitespace(text.str()));
    if (file && !url.empty()) return url;
  }
  return absl::NotFoundError(absl::StrCat("no connection is called '", name, "' here: neither --connection nor ",
                                          kConnectionVariable, VariableOf(name),
                                          folder_.empty() ? "" : absl::StrCat(" nor a file in ", folder_), " says it"));
}

absl::StatusOr<std::vector<std::string>> Connections::Names() const {
  std::set<std::string> names;
  for (const auto& [name, url] : given_) names.insert(name);
  for (const auto& [name, url] : environment_) names.insert(absl::AsciiStrToLower(name));
  if (folder_.empty()) return std::vector<std::string>(names.begin(), names.end());
  std::error_code error, no_file;
  for (std::filesystem::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    // A mounted secret has hidden entries of its own.
    // What cannot be looked at is said to be there: whoever wants it learns why it cannot be read.
    if (name[0] != '.' && (at->is_regular_file(no_file) || no_file)) names.insert(name);
  }
  if (error)
    return absl::UnavailableError(absl::StrCat("cannot read --connections-dir ", folder_, ": ", error.message()));
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace vecferry::service
