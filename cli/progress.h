#ifndef VECFERRY_CLI_PROGRESS_H_
#define VECFERRY_CLI_PROGRESS_H_

#include <string>
#include <thread>
#include <vector>

#include "cli/options.h"
#include "cli/rate_meter.h"
#include "common/base/mutex.h"
#include "common/core/report.h"

namespace vecferry::cli {

// Lines for a terminal: one a table at work, then the total. `width` in characters. Pure.
std::vector<std::string> BarLines(const core::Report& report, const Rates& rates, bool ascii, int width);
// One line for a log. Pure.
std::string PlainLine(const core::Report& report, const Rates& rates);

// Tells on stderr how far a migration is, on a thread of its own: bars redrawn twice a second, a line every 10 s, or
// a JSON object a line every second. Thread-safe.
class Progress {
 public:
  explicit Progress(ProgressMode mode);  // kAuto: bars on a terminal, else lines
  ~Progress();                           // as Stop
  void Update(const core::Report& report);
  // Takes the bars away, or tells a log the last state; nothing is written afterwards.
  void Stop();

 private:
  void Run();
  void Draw(const core::Report& report);
  void Erase();

  ProgressMode mode_;
  const bool ascii_;
  base::Mutex mutex_;
  core::Report report_ ABSL_GUARDED_BY(mutex_);
  bool told_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Rates rates_;            // the thread's own
  std::size_t lines_ = 0;  // drawn and still there
  std::thread thread_;
};

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_PROGRESS_H_
