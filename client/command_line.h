// SPDX-License-Identifier: Apache-2.0
// The command line as a tree of verbs. Each verb is a plain function of a Session and its own
// struct of options; it runs after the whole command line was read and found good.
#ifndef KLUIS_CLIENT_COMMAND_LINE_H_
#define KLUIS_CLIENT_COMMAND_LINE_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "base/command_line.h"
#include "client/failure.h"
#include "client/session.h"

namespace kluis::client {

// Not movable: its options write into it.
class CommandLine {
 public:
  // With the settings of a Session and no verb (client/verbs/verbs.h).
  CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  base::Verb root() { return line_.root(); }
  base::Words words() const { return line_.words(); }

  // A word before verbs: "case" of "case open".
  base::Verb Group(const std::string& name, const std::string& description) {
    return root().Group(name, description);
  }

  // A verb in `group`, and the options that it will run with: bind the verb's options to them.
  template <typename Options>
  std::pair<base::Verb, Options*> Verb(base::Verb group, const std::string& name,
                                       const std::string& description, const std::string& example,
                                       Outcome (*run)(Session&, const Options&)) {
    auto options = std::make_shared<Options>();
    Options* const bound = options.get();
    const base::Verb verb =
        group.Add(name, description, "Example:\n  " + example + "\n", [this, options, run] {
          chosen_ = [options, run](Session& session) { return run(session, *options); };
        });
    return {verb, bound};
  }

  // Reads the arguments (argv[0] is the program) and runs the verb. Help goes to `out`, failures to
  // `err`.
  ExitCode Run(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

 private:
  base::CommandLine line_;
  Settings settings_;
  std::function<Outcome(Session&)> chosen_;
};

// --key FILE, repeatable and required.
base::Option AddKeys(base::Verb verb, std::vector<std::string>& files,
                     const std::string& description);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_COMMAND_LINE_H_
