#include "tests/support/other_program.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace vecferry::testing {
namespace {

constexpr char kBegin[] =
    "import sqlite3, sys\n"
    "db = sqlite3.connect(sys.argv[1], timeout=float(sys.argv[2]), isolation_level=None)\n";

}  // namespace

OtherProgram::OtherProgram(const std::string& path, const std::string& script, int patience_seconds) {
  const std::string whole = kBegin + script, patience = std::to_string(patience_seconds);
  const char* const words[] = {"python3", "-c", whole.c_str(), path.c_str(), patience.c_str(), nullptr};
  if (posix_spawnp(&pid_, words[0], nullptr, nullptr, const_cast<char* const*>(words), environ) != 0) {
    std::fprintf(stderr, "OtherProgram: cannot start python3\n");
    std::abort();
  }
}

OtherProgram::~OtherProgram() { Wait(); }

int OtherProgram::Wait() {
  if (pid_ < 0) return 0;
  int status = 0;
  waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace vecferry::testing
