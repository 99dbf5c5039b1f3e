#include "client/completion.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace kluis::client {
namespace {

// A place on the command line: "", "case" or "case open", and what can follow.
struct Place {
  std::string path;
  std::vector<const CLI::App*> words;
  std::vector<const CLI::Option*> options;
};

void Collect(const CLI::App& app, const std::string& path,
             const std::vector<const CLI::Option*>& inherited, std::vector<Place>& places) {
  Place place{path, {}, {}};
  for (const CLI::Option* option : app.get_options({})) {
    if (!option->get_lnames().empty()) place.options.push_back(option);
  }
  for (const CLI::Option* option : inherited) {
    const std::string& name = option->get_lnames().front();
    if (name != "help" && name != "version") place.options.push_back(option);
  }
  place.words = app.get_subcommands({});
  const std::vector<const CLI::App*> words = place.words;
  const std::vector<const CLI::Option*> below = place.options;
  places.push_back(std::move(place));
  for (const CLI::App* word : words) {
    Collect(*word, absl::StrCat(path, path.empty() ? "" : " ", word->get_name()),
            path.empty() ? below : inherited, places);
  }
}

std::vector<Place> Places(const CLI::App& app) {
  std::vector<Place> places;
  Collect(app, "", {}, places);
  return places;
}

std::string WordList(const Place& place) {
  std::vector<std::string> words;
  for (const CLI::App* word : place.words) words.push_back(word->get_name());
  for (const CLI::Option* option : place.options) words.push_back("--" + option->get_lnames()[0]);
  return absl::StrJoin(words, " ");
}

// Shell code that walks the words typed so far and leaves the place in `path`.
std::string WalkCases(const std::vector<Place>& places) {
  std::vector<std::string> patterns;
  for (const Place& place : places) {
    if (!place.path.empty()) patterns.push_back(absl::StrCat("\"", place.path, "\""));
  }
  return absl::StrJoin(patterns, "|");
}

std::string ListCases(const std::vector<Place>& places) {
  std::string cases;
  for (const Place& place : places) {
    absl::StrAppend(&cases, "    \"", place.path, "\") list=\"", WordList(place), "\" ;;\n");
  }
  return cases;
}

std::string Bash(const std::vector<Place>& places) {
  return absl::StrCat(
      "# kluis completion for bash: source <(kluis completion bash)\n"
      "_kluis() {\n"
      "  local path=\"\" list=\"\" word try i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=\"${COMP_WORDS[i]}\" try=\"${path:+$path }${COMP_WORDS[i]}\"\n"
      "    case \"$try\" in\n"
      "    ",
      WalkCases(places),
      ") path=\"$try\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$path\" in\n",
      ListCases(places),
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$list\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
      "}\n"
      "complete -o default -F _kluis kluis\n");
}

std::string Zsh(const std::vector<Place>& places) {
  return absl::StrCat(
      "#compdef kluis\n"
      "# kluis completion for zsh: kluis completion zsh > \"${fpath[1]}/_kluis\"\n"
      "_kluis() {\n"
      "  local where=\"\" list=\"\" try i\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    try=\"${where:+$where }${words[i]}\"\n"
      "    case \"$try\" in\n"
      "    ",
      WalkCases(places),
      ") where=\"$try\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$where\" in\n",
      ListCases(places),
      "  esac\n"
      "  compadd -- ${=list}\n"
      "  _files\n"
      "}\n"
      "compdef _kluis kluis\n");
}

std::string FishQuoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

std::string Fish(const std::vector<Place>& places) {
  std::string script = absl::StrCat(
      "# kluis completion for fish: kluis completion fish > ~/.config/fish/completions/kluis.fish\n"
      "function __kluis_at\n"
      "  set -l place\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    set -l try (string trim \"$place $word\")\n"
      "    contains -- \"$try\" ",
      absl::StrReplaceAll(WalkCases(places), {{"|", " "}}),
      "; and set place $try\n"
      "  end\n"
      "  test \"$place\" = \"$argv[1]\"\n"
      "end\n");
  for (const Place& place : places) {
    const std::string head = absl::StrCat(
        "complete -c kluis -n ", FishQuoted(absl::StrCat("__kluis_at \"", place.path, "\"")));
    for (const CLI::App* word : place.words) {
      absl::StrAppend(&script, head, " -f -a ", word->get_name(), " -d ",
                      FishQuoted(word->get_description()), "\n");
    }
    for (const CLI::Option* option : place.options) {
      absl::StrAppend(&script, head, " -l ", option->get_lnames()[0],
                      option->get_items_expected_max() > 0 ? " -r" : "", " -d ",
                      FishQuoted(option->get_description()), "\n");
    }
  }
  return script;
}

}  // namespace

absl::StatusOr<std::string> CompletionScript(const CLI::App& app, std::string_view shell) {
  const std::vector<Place> places = Places(app);
  if (shell == "bash") return Bash(places);
  if (shell == "zsh") return Zsh(places);
  if (shell == "fish") return Fish(places);
  return absl::InvalidArgumentError("shell: must be bash, zsh or fish");
}

}  // namespace kluis::client
