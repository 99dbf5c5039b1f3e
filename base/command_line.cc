// SPDX-License-Identifier: Apache-2.0
#include "base/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

namespace kluis::base {
namespace {

// The options and words of `app` and of its groups of options, which have no name on the line.
void AddTo(Words& words, const CLI::App& app) {
  for (const CLI::Option* option : app.get_options({})) {
    if (option->get_lnames().empty()) continue;
    const std::string& name = option->get_lnames()[0];
    const bool known = std::any_of(words.options.begin(), words.options.end(),
                                   [&](const auto& o) { return o.name == name; });
    if (known) continue;  // a group has its own --help
    words.options.push_back(
        {name, option->get_description(), option->get_items_expected_max() > 0});
  }
  for (const CLI::App* word : app.get_subcommands({})) {
    if (word->get_name().empty()) {
      AddTo(words, *word);
      continue;
    }
    Words& next = words.words.emplace_back();
    next.name = word->get_name();
    next.description = word->get_description();
    AddTo(next, *word);
  }
}

}  // namespace

Option Option::Required() const {
  option_->required();
  return *this;
}

Option Option::Called(const std::string& value) const {
  option_->type_name(value);
  return *this;
}

Option Option::ShowingDefault() const {
  option_->capture_default_str();
  return *this;
}

Option Option::OneOf(const std::vector<std::string>& words) const {
  option_->check(CLI::IsMember(words));
  return *this;
}

Option Option::Between(int64_t least, int64_t most) const {
  option_->check(CLI::Range(least, most));
  return *this;
}

Option Option::BetweenNumbers(double least, double most) const {
  option_->check(CLI::Range(least, most));
  return *this;
}

Option Option::ExistingFile() const {
  option_->check(CLI::ExistingFile);
  return *this;
}

Option Option::ExistingDirectory() const {
  option_->check(CLI::ExistingDirectory);
  return *this;
}

Option Option::ExistingPath() const {
  option_->check(CLI::ExistingPath);
  return *this;
}

Option Option::FromEnvironment(const std::string& variable) const {
  option_->envname(variable);
  return *this;
}

Option Option::Excludes(Option other) const {
  option_->excludes(other.option_);
  return *this;
}

Option Option::Needs(Option other) const {
  option_->needs(other.option_);
  return *this;
}

Option Verb::Text(const std::string& name, std::string& value, const std::string& description) {
  return Option(app_->add_option(name, value, description));
}

Option Verb::Count(const std::string& name, uint32_t& value, const std::string& description) {
  return Option(app_->add_option(name, value, description));
}

Option Verb::Count(const std::string& name, uint64_t& value, const std::string& description) {
  return Option(app_->add_option(name, value, description));
}

Option Verb::Count(const std::string& name, int64_t& value, const std::string& description) {
  return Option(app_->add_option(name, value, description));
}

Option Verb::Count(const std::string& name, int& value, const std::string& description) {
  return Option(app_->add_option(name, value, description));
}

Option Verb::Count(const std::string& name, std::optional<uint32_t>& value,
                   const std::string& description) {
  return Option(app_->add_option(name, value, description));
}

Option Verb::Count(const std::string& name, std::optional<uint64_t>& value,
                   const std::string& description) {
  return Option(app_->add_option(name, value, description));
}

Option Verb::Number(const std::string& name, double& value, const std::string& description) {
  return Option(app_->add_option(name, value, description));
}

Option Verb::Flag(const std::string& name, bool& value, const std::string& description) {
  return Option(app_->add_flag(name, value, description));
}

Option Verb::Repeated(const std::string& name, std::vector<std::string>& values,
                      const std::string& description) {
  return Option(app_->add_option(name, values, description)->allow_extra_args(false));
}

void Verb::OneIsRequired(const std::vector<Option>& options) {
  CLI::Option_group* const group = app_->add_option_group("what", "One of");
  for (const Option& option : options) {
    for (const Option& other : options) {
      if (option.option_ != other.option_) option.option_->excludes(other.option_);
    }
    group->add_option(option.option_);
  }
  group->require_option(1);
}

Verb Verb::Group(const std::string& name, const std::string& description) {
  CLI::App* const group = app_->add_subcommand(name, description);
  group->require_subcommand(1);
  return Verb(group);
}

Verb Verb::Add(const std::string& name, const std::string& description, const std::string& footer,
               std::function<void()> chosen) {
  CLI::App* const verb = app_->add_subcommand(name, description);
  verb->footer(footer);
  verb->final_callback(std::move(chosen));
  return Verb(verb);
}

Verb Verb::Find(const std::string& name) { return Verb(app_->get_subcommand(name)); }

CommandLine::CommandLine(const std::string& program, const std::string& description,
                         const std::string& footer)
    : app_(std::make_unique<CLI::App>(description, program)) {
  app_->footer(footer);
}

CommandLine::~CommandLine() = default;

Verb CommandLine::root() { return Verb(app_.get()); }

void CommandLine::RequireVerb() { app_->require_subcommand(1); }

void CommandLine::OptionsAnywhere(const std::string& heading, size_t column) {
  app_->option_defaults()->group(heading);
  app_->get_formatter()->column_width(column);
  app_->fallthrough();
}

void CommandLine::Version(const std::string& text) { app_->set_version_flag("--version", text); }

std::optional<int> CommandLine::Read(int argc, const char* const* argv, std::ostream& out,
                                     std::ostream& err) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 reports by exception; it ends here. --help and --version are "errors" with code 0.
    return app_->exit(error, out, err);
  }
  return std::nullopt;
}

std::string CommandLine::Given(const std::string& option) const {
  for (const CLI::App* verb = app_.get(); verb != nullptr;) {
    const CLI::Option* const found = verb->get_option_no_throw(option);
    if (found != nullptr && found->count() > 0) return found->as<std::string>();
    const auto chosen = verb->get_subcommands();
    verb = chosen.empty() ? nullptr : chosen.front();
  }
  return "";
}

Words CommandLine::words() const {
  Words words;
  words.name = app_->get_name();
  AddTo(words, *app_);
  return words;
}

}  // namespace kluis::base
