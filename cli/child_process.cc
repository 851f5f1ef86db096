#include "cli/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

extern char** environ;

namespace vecferry::cli {
namespace {

constexpr std::size_t kTextBytesMax = 64 << 10;

// The environment without what would lead the server's programs elsewhere, or tell them who we are.
std::vector<std::string> ChildEnvironment(const std::string& folder) {
  std::vector<std::string> variables = {"LC_ALL=C.UTF-8", absl::StrCat("HOME=", folder)};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const absl::string_view text = *variable;
    if (absl::StartsWith(text, "PG") || absl::StartsWith(text, "LC_") || absl::StartsWith(text, "LANG") ||
        absl::StartsWith(text, "HOME=") || absl::StartsWith(text, "VECFERRY_")) {
      continue;
    }
    variables.emplace_back(text);
  }
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// In the child. Other threads of the parent may have held locks: only async-signal-safe calls.
[[noreturn]] void BecomeProgram(char* const* words, char* const* environment, const Account* account,
                                const char* folder, int output) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (account != nullptr && (setgroups(0, nullptr) != 0 || setgid(account->group) != 0 || setuid(account->user) != 0)) {
    _exit(127);
  }
  // After setuid, which clears it. A half-made data folder without its maker is only removed and made again.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (chdir(folder) != 0) _exit(126);
  execve(words[0], words, environment);
  _exit(127);
}

}  // namespace

absl::StatusOr<ChildOutput> RunProgram(const std::vector<std::string>& words, const std::optional<Account>& account,
                                       const std::string& folder) {
  std::vector<std::string> own_words = words;
  std::vector<std::string> variables = ChildEnvironment(folder);
  const std::vector<char*> argv = Pointers(own_words), environment = Pointers(variables);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::InternalError("no pipe could be made");
  const pid_t child = fork();
  if (child == 0) {
    BecomeProgram(argv.data(), environment.data(), account.has_value() ? &*account : nullptr, folder.c_str(), ends[1]);
  }
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return absl::ResourceExhaustedError(absl::StrCat("no process could be made for ", words[0]));
  }
  ChildOutput output;
  char buffer[4096];
  while (true) {
    const ssize_t count = read(ends[0], buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    output.text.append(buffer, static_cast<std::size_t>(count));
    if (output.text.size() > kTextBytesMax) output.text.erase(0, output.text.size() - kTextBytesMax);
  }
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (output.exit_code == 127 && output.text.empty()) {
    return absl::NotFoundError(absl::StrCat(words[0], " cannot be run"));
  }
  if (output.exit_code == 126 && output.text.empty()) {
    return absl::PermissionDeniedError(
        absl::StrCat("the account ", account.has_value() ? account->name : "that runs this", " cannot enter ", folder));
  }
  return output;
}

}  // namespace vecferry::cli
