#include "common/flags/arguments.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/flags/values.h"

namespace vecferry::flags {

struct Arguments::State {
  CLI::App app;
  std::map<std::string, std::vector<std::string>> values;
  std::map<std::string, bool> switches;
  std::vector<std::string> flags;
  std::vector<std::string> single;                 // may be given once
  std::map<std::string, std::string> value_names;  // by flag

  State(std::string about, std::string command) : app(std::move(about), std::move(command)) {}
};

namespace {

// Not what may be a URL with a password.
absl::Status UnexpectedWord(const std::string& word) {
  const bool may_tell = !absl::StrContains(word, "://") && !absl::StrContains(word, '=');
  return absl::InvalidArgumentError(may_tell ? absl::StrCat("unexpected word '", word, "'")
                                             : "an unexpected word, which may be a URL; is a '=' or a flag missing?");
}

std::string NameOf(const std::string& word) { return word.substr(0, word.find('=')); }

bool Knows(const std::vector<std::string>& flags, const std::string& name) {
  return std::find(flags.begin(), flags.end(), name) != flags.end();
}

absl::Status UnknownFlag(const std::string& word, const std::vector<std::string>& flags) {
  const std::string nearest = Nearest(NameOf(word), flags);
  return absl::InvalidArgumentError(absl::StrCat("unknown flag ", NameOf(word),
                                                 nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
}

// What is wrong when CLI11 found too few or too many values: it names neither flag nor value as they were given.
std::string MismatchText(const std::vector<std::string>& words, const std::map<std::string, std::string>& value_names) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto flag = value_names.find(words[i]);
    if (flag != value_names.end()) {
      if (i + 1 == words.size() || absl::StartsWith(words[i + 1], "-")) {
        return absl::StrCat(flag->first, " needs a value; allowed: ", flag->second);
      }
      ++i;
    } else if (absl::StartsWith(words[i], "--") && absl::StrContains(words[i], '=') &&
               value_names.count(words[i].substr(0, words[i].find('='))) == 0) {
      return absl::StrCat(words[i], " is a flag without a value; allowed: ", words[i].substr(0, words[i].find('=')));
    }
  }
  return "too many words; allowed: one beside the flags";
}

}  // namespace

Arguments::Arguments(std::string command, std::string about)
    : state_(std::make_unique<State>(std::move(about), std::move(command))) {
  state_->app.set_help_flag();
  // Extra words are looked at here: CLI11's own message knows no nearest flag.
  state_->app.allow_extras();
  state_->app.get_formatter()->column_width(34);
  AddSwitch("-h,--help", "Say this");
}

Arguments::~Arguments() = default;

void Arguments::AddText(const std::string& flag, const std::string& value_name, const std::string& about,
                        bool repeatable) {
  // A vector even for a single value, so that a flag given twice is told with both values; without extra arguments it
  // takes exactly one word.
  state_->app.add_option(flag, state_->values[flag], about)->option_text(value_name)->allow_extra_args(false);
  state_->flags.push_back(flag);
  state_->value_names[flag] = value_name;
  if (!repeatable) state_->single.push_back(flag);
}

void Arguments::AddSwitch(const std::string& flag, const std::string& about) {
  const std::string name = flag.substr(flag.rfind(',') + 1);
  state_->app.add_flag(flag, state_->switches[name], about)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->disable_flag_override();
  state_->flags.push_back(name);
}

void Arguments::AddWord(const std::string& name, const std::string& about) {
  state_->app.add_option(name, state_->values[name], about)->option_text(" ")->expected(0, 1);
}

absl::Status Arguments::Parse(const std::vector<std::string>& words) {
  std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
  try {
    state_->app.parse(reversed);
  } catch (const CLI::ArgumentMismatch&) {
    for (const std::string& word : words) {
      if (absl::StartsWith(word, "--") && !Knows(state_->flags, NameOf(word))) return UnknownFlag(word, state_->flags);
    }
    return absl::InvalidArgumentError(MismatchText(words, state_->value_names));
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  for (const auto& [flag, values] : state_->values) {
    for (const std::string& value : values) {
      const bool is_flag = std::find(state_->flags.begin(), state_->flags.end(), value) != state_->flags.end();
      if (is_flag) return absl::InvalidArgumentError(MismatchText(words, state_->value_names));
    }
  }
  const std::vector<std::string> extras = state_->app.remaining();
  if (!extras.empty() && !help_asked()) {
    // The unknown flag itself, not the value that was meant for it.
    const auto flag =
        std::find_if(extras.begin(), extras.end(), [](const std::string& word) { return absl::StartsWith(word, "-"); });
    if (flag == extras.end()) return UnexpectedWord(extras[0]);
    return UnknownFlag(*flag, state_->flags);
  }
  for (const std::string& flag : state_->single) {
    const std::vector<std::string>& values = state_->values[flag];
    if (values.size() > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat(flag, " is given twice, as '", values[0], "' and '", values[1], "'; allowed: once"));
    }
    if (values.size() == 1 && values[0].empty()) {
      return absl::InvalidArgumentError(absl::StrCat(flag, ": '' is not allowed; allowed: a value"));
    }
  }
  return absl::OkStatus();
}

void Arguments::TakeFromEnvironment(const std::vector<std::string>& environment) {
  for (const std::string& flag : state_->flags) {
    const std::string prefix = absl::StrCat(
        "VECFERRY_", absl::StrReplaceAll(absl::AsciiStrToUpper(absl::StripPrefix(flag, "--")), {{"-", "_"}}), "=");
    for (const std::string& line : environment) {
      if (!absl::StartsWith(line, prefix) || line.size() == prefix.size() || Has(flag)) continue;
      const std::string value = line.substr(prefix.size());
      if (state_->switches.count(flag) != 0) {
        state_->switches[flag] = value == "1" || value == "true";
      } else {
        state_->values[flag] = {value};
      }
    }
  }
}

bool Arguments::help_asked() const { return state_->switches.at("--help"); }

std::string Arguments::Help() const { return state_->app.help(); }

bool Arguments::Has(const std::string& name) const {
  const auto found = state_->switches.find(name);
  if (found != state_->switches.end()) return found->second;
  return !GetAll(name).empty();
}

std::optional<std::string> Arguments::Get(const std::string& name) const {
  const std::vector<std::string> values = GetAll(name);
  if (values.empty()) return std::nullopt;
  return values[0];
}

std::vector<std::string> Arguments::GetAll(const std::string& name) const {
  const auto found = state_->values.find(name);
  return found == state_->values.end() ? std::vector<std::string>() : found->second;
}

}  // namespace vecferry::flags
