#ifndef VECFERRY_TESTS_SUPPORT_OTHER_PROGRAM_H_
#define VECFERRY_TESTS_SUPPORT_OTHER_PROGRAM_H_

#include <sys/types.h>

#include <string>

namespace vecferry::testing {

// Another program at a SQLite file: a python3 that runs `script`, where `db` is a connection to the file. It waits
// `patience_seconds` for locks, and commits each statement that no BEGIN goes before.
class OtherProgram {
 public:
  OtherProgram(const std::string& path, const std::string& script, int patience_seconds = 10);
  ~OtherProgram();  // as Wait
  OtherProgram(const OtherProgram&) = delete;
  OtherProgram& operator=(const OtherProgram&) = delete;

  // Its exit code: 0, or 1 with an exception on stderr, or what the script says.
  int Wait();

 private:
  pid_t pid_ = -1;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_OTHER_PROGRAM_H_
