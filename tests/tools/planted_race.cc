// Two threads write one variable without a lock. Built under the tsan preset only, where ctest expects
// ThreadSanitizer to report it: proof that the preset, with its options and suppressions, finds races.
#include <thread>

#include "common/base/mutex.h"

namespace {

struct Tally {
  vecferry::base::Mutex mutex;
  int locked = 0;
  int unlocked = 0;
};

void RaceOnPurpose(Tally* tally) { ++tally->unlocked; }

// What base::Mutex guards must not be reported: the report would name this function.
void CountUnderLock(Tally* tally) {
  vecferry::base::MutexLock lock(&tally->mutex);
  ++tally->locked;
}

void Count(Tally* tally) {
  for (int i = 0; i < 1000; ++i) {
    CountUnderLock(tally);
    RaceOnPurpose(tally);
  }
}

}  // namespace

int main() {
  Tally tally;
  std::thread first(Count, &tally), second(Count, &tally);
  first.join();
  second.join();
  return tally.locked == 2000 ? 0 : 1;
}
