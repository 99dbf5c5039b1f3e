// SPDX-License-Identifier: Apache-2.0
#include "base/completion.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace kluis::base {
namespace {

// A place on the command line: "", "receipt" or "receipt verify", and what can follow.
struct Place {
  std::string path;
  const Words* words = nullptr;
  std::vector<const Words::Option*> options;
};

// `shared` are options of the program itself, which may stand after any verb.
void Collect(const Words& words, const std::string& path,
             const std::vector<const Words::Option*>& shared, std::vector<Place>& places) {
  Place place{path, &words, {}};
  std::vector<const Words::Option*> below = shared;
  for (const Words::Option& option : words.options) {
    place.options.push_back(&option);
    const bool of_the_program = option.name != "help" && option.name != "version";
    if (path.empty() && of_the_program) below.push_back(&option);
  }
  place.options.insert(place.options.end(), shared.begin(), shared.end());
  places.push_back(place);
  for (const Words& word : words.words) {
    Collect(word, absl::StrCat(path, path.empty() ? "" : " ", word.name), below, places);
  }
}

std::string WordList(const Place& place) {
  std::vector<std::string> words;
  for (const Words& word : place.words->words) words.push_back(word.name);
  for (const Words::Option* option : place.options) words.push_back("--" + option->name);
  return absl::StrJoin(words, " ");
}

// Shell code that walks the words typed so far and leaves the place they lead to.
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

// NAME stands for the program, FUNCTION for it as the name of a shell function, WALK and LISTS for
// the code above.
constexpr char kBash[] = R"(# NAME completion for bash: source <(NAME completion bash)
FUNCTION() {
  local path="" list="" try i
  for ((i = 1; i < COMP_CWORD; i++)); do
    try="${path:+$path }${COMP_WORDS[i]}"
    case "$try" in
    WALK) path="$try" ;;
    esac
  done
  case "$path" in
LISTS  esac
  COMPREPLY=($(compgen -W "$list" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F FUNCTION NAME
)";

constexpr char kZsh[] = R"(#compdef NAME
# NAME completion for zsh: NAME completion zsh > "${fpath[1]}/_NAME"
FUNCTION() {
  local where="" list="" try i
  for ((i = 2; i < CURRENT; i++)); do
    try="${where:+$where }${words[i]}"
    case "$try" in
    WALK) where="$try" ;;
    esac
  done
  case "$where" in
LISTS  esac
  compadd -- ${=list}
  _files
}
compdef FUNCTION NAME
)";

constexpr char kFish[] =
    R"(# NAME completion for fish: NAME completion fish > ~/.config/fish/completions/NAME.fish
function FUNCTION_at
  set -l place
  for word in (commandline -opc)[2..-1]
    set -l try (string trim "$place $word")
    contains -- "$try" WALK; and set place $try
  end
  test "$place" = "$argv[1]"
end
)";

std::string FishQuoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

std::string FishLines(const std::string& name, const std::string& function, const Place& place) {
  std::string lines;
  const std::string head = absl::StrCat(
      "complete -c ", name, " -n ", FishQuoted(absl::StrCat(function, "_at \"", place.path, "\"")));
  for (const Words& word : place.words->words) {
    absl::StrAppend(&lines, head, " -f -a ", word.name, " -d ", FishQuoted(word.description), "\n");
  }
  for (const Words::Option* option : place.options) {
    absl::StrAppend(&lines, head, " -l ", option->name, option->takes_value ? " -r" : "", " -d ",
                    FishQuoted(option->description), "\n");
  }
  return lines;
}

}  // namespace

absl::StatusOr<std::string> CompletionScript(const Words& words, std::string_view shell) {
  std::vector<Place> places;
  Collect(words, "", {}, places);
  const std::string& name = words.name;
  const std::string function = absl::StrCat("_", absl::StrReplaceAll(name, {{"-", "_"}}));
  const auto filled = [&](const char* script, const std::string& walk) {
    return absl::StrReplaceAll(
        script,
        {{"NAME", name}, {"FUNCTION", function}, {"WALK", walk}, {"LISTS", ListCases(places)}});
  };
  if (shell == "bash") return filled(kBash, WalkCases(places));
  if (shell == "zsh") return filled(kZsh, WalkCases(places));
  if (shell != "fish") return absl::InvalidArgumentError("shell: must be bash, zsh or fish");
  std::string script = filled(kFish, absl::StrReplaceAll(WalkCases(places), {{"|", " "}}));
  for (const Place& place : places) script += FishLines(name, function, place);
  return script;
}

}  // namespace kluis::base
