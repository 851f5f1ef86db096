#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remote_command.h"
#include "common/base/process_signals.h"
#include "common/core/migration.h"
#include "common/rpc/grpc_process.h"
#include "common/telemetry/log.h"

namespace {

using vecferry::cli::Command;

absl::StatusOr<int> Run(const vecferry::cli::Options& options) {
  vecferry::base::ProcessSignals signals;
  if (absl::Status status = vecferry::telemetry::StartLogging({}); !status.ok()) return status;
  const vecferry::rpc::GrpcProcess grpc;
  switch (options.command) {
    case Command::kMigrateCopy: return vecferry::cli::RunCopy(options, signals);
    case Command::kMigrateWatch:
    case Command::kMigratePause:
    case Command::kMigrateResume: return vecferry::cli::RunRemoteMigrate(options, signals);
    case Command::kMigrateList:
    case Command::kMigrateStatus:
    case Command::kMigrateCancel: return vecferry::cli::RunMigrate(options);
    case Command::kVerify: return vecferry::cli::RunVerify(options, signals);
    case Command::kRejectsList:
    case Command::kRejectsExport:
    case Command::kRejectsReplay: return vecferry::cli::RunRejects(options);
    case Command::kLedgerDrop: return vecferry::cli::RunLedger(options);
    default: return vecferry::cli::RunPostgres(options);
  }
}

// `ps` shows the arguments to every user of the machine, and a URL may hold a password.
void HideUrl(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const bool next = absl::string_view(argv[i]) == "--postgres-url" && i + 1 < argc;
    char* const url = next                                           ? argv[i + 1]
                      : absl::StartsWith(argv[i], "--postgres-url=") ? strchr(argv[i], '=') + 1
                                                                     : nullptr;
    if (url != nullptr) std::fill(url, url + strlen(url), '*');
  }
}

// Otherwise the next socket or file gets the number of a stream that was closed, and our text goes into it.
void FillStandardStreams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) == -1) [[maybe_unused]]
      const int opened = open("/dev/null", O_RDWR);  // the lowest free number: this stream's
  }
}

// The exit code, once all output is written: a report that a full disk cut is no success. A reader that closed its pipe
// has seen enough.
int Finish(int code) {
  const bool written = fflush(stdout) == 0 && ferror(stdout) == 0;
  struct stat output {};
  if (written || (fstat(STDOUT_FILENO, &output) == 0 && (S_ISFIFO(output.st_mode) || S_ISSOCK(output.st_mode)))) {
    return code;
  }
  fputs("vecferry: stdout could not be written (is its disk full?); what the command did before stands\n", stderr);
  return code == 0 || code == 3 ? 1 : code;
}

}  // namespace

int main(int argc, char** argv) {
  // By default glibc keeps up to eight arenas a core, each holding what its threads once freed: with gRPC's threads
  // that alone is more than the whole command may take. Two cost no speed: batches are few and large.
  mallopt(M_ARENA_MAX, 2);
  FillStandardStreams();
  const std::variant<vecferry::cli::Options, vecferry::cli::Answer> parsed =
      vecferry::cli::ParseCommandLine({argv + 1, argv + argc});
  HideUrl(argc, argv);
  if (const auto* const answer = std::get_if<vecferry::cli::Answer>(&parsed)) {
    fputs(answer->text.c_str(), answer->exit_code == 0 ? stdout : stderr);
    return Finish(answer->exit_code);
  }
  const absl::StatusOr<int> code = Run(std::get<vecferry::cli::Options>(parsed));
  if (code.ok()) return Finish(*code);
  const std::string message(code.status().message());
  fputs(absl::StrCat("vecferry: ", vecferry::core::SanitizeText(message), "\n").c_str(), stderr);
  // Usage errors that only the source or the destination's text shows begin with the flag's name.
  const bool usage = code.status().code() == absl::StatusCode::kInvalidArgument &&
                     (absl::StartsWith(message, "--") || absl::StartsWith(message, "VECFERRY_"));
  return Finish(usage ? 2 : 1);
}
