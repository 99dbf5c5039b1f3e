// SPDX-License-Identifier: Apache-2.0
// A command line as a tree of words: groups of verbs, verbs, and their options. It is declared once
// and read once. The library that reads it (CLI11) is behind command_line.cc, as reading its header
// takes longer than compiling a verb. For one thread.
#ifndef KLUIS_BASE_COMMAND_LINE_H_
#define KLUIS_BASE_COMMAND_LINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace kluis::base {

// An option or a word of a verb, as it was declared. A reference to it: copies are the same option.
// Each function narrows what it takes, or changes what --help says of it, and returns it again.
class Option {
 public:
  Option Required() const;
  // In --help, in place of TEXT or UINT: FILE, DAYS, CASE.
  Option Called(const std::string& value) const;
  Option ShowingDefault() const;  // the value that its variable has now
  Option OneOf(const std::vector<std::string>& words) const;
  Option Between(int64_t least, int64_t most) const;
  Option BetweenNumbers(double least, double most) const;
  Option ExistingFile() const;
  Option ExistingDirectory() const;
  Option ExistingPath() const;
  Option FromEnvironment(const std::string& variable) const;  // unless it is given
  Option Excludes(Option other) const;
  Option Needs(Option other) const;

 private:
  friend class Verb;
  explicit Option(CLI::Option* option) : option_(option) {}

  CLI::Option* option_;
};

// A word that runs something, or a group of such words. A reference to it, as Option is. Options
// write into their variables, which outlive the command line. A name that begins with - is an
// option ("-o,--out"), any other one a word in its place.
class Verb {
 public:
  Option Text(const std::string& name, std::string& value, const std::string& description);
  Option Count(const std::string& name, uint32_t& value, const std::string& description);
  Option Count(const std::string& name, uint64_t& value, const std::string& description);
  Option Count(const std::string& name, int64_t& value, const std::string& description);
  Option Count(const std::string& name, int& value, const std::string& description);
  Option Count(const std::string& name, std::optional<uint32_t>& value,
               const std::string& description);
  Option Count(const std::string& name, std::optional<uint64_t>& value,
               const std::string& description);
  Option Number(const std::string& name, double& value, const std::string& description);
  Option Flag(const std::string& name, bool& value, const std::string& description);
  // Takes one value each time it is given.
  Option Repeated(const std::string& name, std::vector<std::string>& values,
                  const std::string& description);

  // One of `options`, and no two, must be given.
  void OneIsRequired(const std::vector<Option>& options);

  // Another word after this one, of which one must be given. `footer`: text after its help.
  Verb Group(const std::string& name, const std::string& description);
  Verb Add(const std::string& name, const std::string& description, const std::string& footer,
           std::function<void()> chosen);
  // A group that was added before.
  Verb Find(const std::string& name);

 private:
  friend class CommandLine;
  explicit Verb(CLI::App* app) : app_(app) {}

  CLI::App* app_;
};

// What may stand after a word, for scripts that complete it.
struct Words {
  struct Option {
    std::string name;  // without --
    std::string description;
    bool takes_value = false;
  };
  std::string name;
  std::string description;
  std::vector<Option> options;
  std::vector<Words> words;
};

// Not movable: what was declared refers to it.
class CommandLine {
 public:
  CommandLine(const std::string& program, const std::string& description,
              const std::string& footer);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // The program itself: its groups and verbs, and options that stand before them.
  Verb root();
  // A verb must be given.
  void RequireVerb();
  // Options of the program may stand after a verb too. Their heading in --help, and how wide the
  // column of names is there.
  void OptionsAnywhere(const std::string& heading, size_t column);
  // --version prints it.
  void Version(const std::string& text);

  // Reads the arguments (argv[0] is the program), calls `chosen` of the verb, and returns nothing.
  // Otherwise the program is to end: with 0 after --help and --version on `out`, with the library's
  // code after a message on `err`.
  std::optional<int> Read(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

  // After Read: the value that the verb was given for `option` ("--output"); empty: none.
  std::string Given(const std::string& option) const;

  Words words() const;

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace kluis::base

#endif  // KLUIS_BASE_COMMAND_LINE_H_
