#include "cli/progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/report_json.h"
#include "cli/text_format.h"

namespace vecferry::cli {
namespace {

constexpr std::size_t kTablesShown = 6;
constexpr int kBarCells = 20;
constexpr std::size_t kNameCells = 28;

std::string NameOf(const core::TableReport& table) {
  return core::SanitizeText(table.source.empty() ? table.destination : table.source);
}

double Share(std::int64_t read, std::int64_t expected) {
  return expected <= 0 ? 1 : std::min(1.0, static_cast<double>(read) / static_cast<double>(expected));
}

// Started and not done, the largest first.
std::vector<const core::TableReport*> TablesAtWork(const core::Report& report) {
  std::vector<const core::TableReport*> tables;
  if (report.state != core::State::kCopying) return tables;
  for (const core::TableReport& table : report.tables) {
    if (table.counters.read > 0 && table.counters.read < table.rows_expected) tables.push_back(&table);
  }
  std::stable_sort(tables.begin(), tables.end(),
                   [](const auto* a, const auto* b) { return a->rows_expected > b->rows_expected; });
  if (tables.size() > kTablesShown) tables.resize(kTablesShown);
  return tables;
}

// "57,000 of 100,000 rows, 85.1 MB/s, 0:12 left"
std::string Numbers(const core::TableReport& table, const RateMeter& rate) {
  std::string text = absl::StrCat(GroupDigits(table.counters.read), " of ",
                                  GroupDigits(std::max(table.rows_expected, table.counters.read)), " rows");
  if (rate.rows_per_second() <= 0) return text;
  absl::StrAppend(&text, ", ", absl::StrFormat("%.1f MB/s", rate.bytes_per_second() / 1e6));
  const double left = SecondsLeft(table, rate);
  if (left > 0) absl::StrAppend(&text, ", ", FormatClock(left), " left");
  return text;
}

std::string Bar(double share, bool ascii) {
  const int full = static_cast<int>(share * kBarCells);
  std::string bar;
  for (int i = 0; i < kBarCells; ++i) absl::StrAppend(&bar, i < full ? (ascii ? "#" : "█") : (ascii ? "-" : "░"));
  return ascii ? absl::StrCat("[", bar, "]") : bar;
}

std::string Padded(std::string name, std::size_t cells) {
  if (name.size() > cells) name.resize(cells);
  return core::SanitizeText(name) + std::string(cells - name.size(), ' ');
}

std::string StateText(const core::Report& report) {
  std::string text(core::ToString(report.state));
  if (!report.step.empty()) absl::StrAppend(&text, ": ", core::SanitizeText(report.step));
  return text;
}

// No more than `width` characters, so that the terminal does not wrap.
std::string Cut(const std::string& line, int width) {
  int cells = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if ((line[i] & 0xC0) != 0x80 && ++cells > width) return line.substr(0, i);
  }
  return line;
}

}  // namespace

std::vector<std::string> BarLines(const core::Report& report, const Rates& rates, bool ascii, int width) {
  std::vector<std::string> lines;
  for (const core::TableReport* table : TablesAtWork(report)) {
    const double share = Share(table->counters.read, table->rows_expected);
    lines.push_back(absl::StrCat("  ", Padded(NameOf(*table), kNameCells), " ", Bar(share, ascii), " ",
                                 absl::StrFormat("%3d%%", static_cast<int>(share * 100)), "  ",
                                 Numbers(*table, rates.OfTable(*table))));
  }
  const core::TableReport total = Total(report);
  const double share = Share(total.counters.read, total.rows_expected);
  const bool copying = report.state == core::State::kCopying;
  lines.push_back(copying ? absl::StrCat(Padded("COPYING, total", kNameCells + 2), " ", Bar(share, ascii), " ",
                                         absl::StrFormat("%3d%%", static_cast<int>(share * 100)), "  ",
                                         Numbers(total, rates.OfAll()))
                          : StateText(report));
  for (std::string& line : lines) line = Cut(line, width);
  return lines;
}

std::string PlainLine(const core::Report& report, const Rates& rates) {
  std::string line =
      absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone()), " ", StateText(report));
  if (report.state != core::State::kCopying) return line;
  absl::StrAppend(&line, ": ", Numbers(Total(report), rates.OfAll()));
  for (const core::TableReport* table : TablesAtWork(report)) {
    absl::StrAppend(&line, "; ", NameOf(*table), " ", Numbers(*table, rates.OfTable(*table)));
  }
  return line;
}

Progress::Progress(ProgressMode mode) : mode_(mode), ascii_(WantsAscii()) {
  const char* const terminal = std::getenv("TERM");
  const bool can_redraw = isatty(STDERR_FILENO) == 1 && terminal != nullptr && absl::string_view(terminal) != "dumb";
  if (mode_ == ProgressMode::kAuto) mode_ = can_redraw ? ProgressMode::kBar : ProgressMode::kPlain;
  if (mode_ != ProgressMode::kNone) thread_ = std::thread([this] { Run(); });
}

Progress::~Progress() { Stop(); }

void Progress::Update(const core::Report& report) {
  base::MutexLock lock(&mutex_);
  report_ = report;
  told_ = true;
}

void Progress::Stop() {
  {
    base::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Progress::Run() {
  const absl::Duration pause = mode_ == ProgressMode::kPlain  ? absl::Seconds(10)
                               : mode_ == ProgressMode::kJson ? absl::Seconds(1)
                                                              : absl::Milliseconds(500);
  // A new state is told at once, for it may be over before the pause is.
  core::State state = core::State::kPlanned;
  absl::Time next = absl::Now();
  for (bool last = false; !last;) {
    core::Report report;
    {
      base::MutexLock lock(&mutex_);
      mutex_.AwaitUntil(
          next, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || (told_ && report_.state != state); });
      last = stopping_;
      next = absl::Now() + pause;
      // The state that it ended in belongs into a log, whenever Stop comes; bars go away.
      if (!told_ || (last && (mode_ == ProgressMode::kBar || report_.state == state))) continue;
      report = report_;
    }
    state = report.state;
    rates_.Add(absl::Now(), report);
    Draw(report);
  }
  Erase();
}

void Progress::Draw(const core::Report& report) {
  std::string text;
  if (mode_ == ProgressMode::kBar) {
    Erase();
    winsize size{};
    const int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    const std::vector<std::string> lines = BarLines(report, rates_, ascii_, width - 1);
    for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
    lines_ = lines.size();
  } else {
    text = absl::StrCat(mode_ == ProgressMode::kJson ? ProgressJson(report, rates_) : PlainLine(report, rates_), "\n");
  }
  fwrite(text.data(), 1, text.size(), stderr);
}

void Progress::Erase() {
  // Up to the first line drawn, and clear from there.
  if (lines_ > 0) fprintf(stderr, "\x1b[%zuA\x1b[J", lines_);
  lines_ = 0;
}

}  // namespace vecferry::cli
