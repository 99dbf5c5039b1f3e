// The command line as a tree of verbs. Each verb is a plain function of a Session and its own
// struct of options; it runs after the whole command line was read and found good.
#ifndef KLUIS_CLIENT_COMMAND_LINE_H_
#define KLUIS_CLIENT_COMMAND_LINE_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "client/failure.h"
#include "client/session.h"

namespace kluis::client {

// Not movable: its options write into it.
class CommandLine {
 public:
  // With all verbs of client/verbs.h.
  CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  CLI::App& app() { return app_; }

  // A word before verbs: "case" of "case open".
  CLI::App& Group(const std::string& name, const std::string& description);

  // A verb in `group`, and the options that it will run with: bind the verb's options to them.
  template <typename Options>
  std::pair<CLI::App*, Options*> Verb(CLI::App& group, const std::string& name,
                                      const std::string& description, const std::string& example,
                                      Outcome (*run)(Session&, const Options&)) {
    CLI::App* verb = group.add_subcommand(name, description);
    verb->footer("Example:\n  " + example + "\n");
    auto options = std::make_shared<Options>();
    verb->final_callback([this, options, run] {
      chosen_ = [options, run](Session& session) { return run(session, *options); };
    });
    return {verb, options.get()};
  }

  // Reads the arguments (argv[0] is the program) and runs the verb. Help goes to `out`, failures to
  // `err`.
  ExitCode Run(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

 private:
  CLI::App app_;
  Settings settings_;
  std::function<Outcome(Session&)> chosen_;
};

// An option that takes one value each time it is given.
CLI::Option* AddRepeated(CLI::App& verb, const std::string& name, std::vector<std::string>& values,
                         const std::string& description);

// --key FILE, repeatable and required.
CLI::Option* AddKeys(CLI::App& verb, std::vector<std::string>& files,
                     const std::string& description);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_COMMAND_LINE_H_
