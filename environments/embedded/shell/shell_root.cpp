// What a sandboxed container root consists of.
//
// BusyBox's own shell prefers its built-in programs to those on PATH, so it would never ask the
// simulation; dash, from which that shell descends, asks PATH. In a root without /proc the
// remaining BusyBox programs (timeout, xargs, …) also start others by PATH.
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/shell/files.hpp"
#include "environments/embedded/shell/real_shell.hpp"

#include <link.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace remed::env {

namespace {

/// Asks the node: words as "length:text", the answer as one line with the code and the escaped
/// standard error, then standard output. "real": the sandbox's own program shall do it.
constexpr const char* asker = R"(#!/bin/sh
n=${0##*/}
b="${#n}:$n"
for a; do b="$b${#a}:$a"; done
exec 3<&0
/bin/busybox wget -q -O - --post-data "$b" http://127.0.0.1:6443/run 2>/dev/null | {
  if ! IFS=' ' read -r code err; then echo "$n: the node does not answer" >&2; exit 125; fi
  if [ "$code" = real ]; then exec /bin/busybox "$n" "$@" <&3; fi
  exec 3<&-
  [ -z "$err" ] || printf '%b' "$err" >&2
  /bin/busybox cat
  exit "$code"
}
)";

/// Runs its words, then sends all files that are not the sandbox's own; in base64, since wget takes
/// what it posts for text.
constexpr const char* keeper = R"(#!/bin/sh
trap : INT QUIT
"$@"
code=$?
cd /
set --
for f in * .[!.]* usr/* usr/local/*; do
  case $f in
    bin|sbin|lib|lib64|usr|usr/bin|usr/sbin|usr/lib|usr/local|usr/local/bin) ;;
    proc|sys|dev|.remed|*'*'*) ;;
    *) set -- "$@" "$f" ;;
  esac
done
/bin/busybox tar -c -f - "$@" 2>/dev/null | /bin/busybox base64 -w 0 >/.remed/out &&
  /bin/busybox wget -q -O /dev/null --post-file /.remed/out http://127.0.0.1:6443/files 2>/dev/null
exit $code
)";

/// These run for real on the sandbox's own files; what they show of the node is put there as files.
const std::set<std::string> real_ones{"cat", "ls", "echo", "true", "false", "env", "printenv"};

/// Programs of an image that are neither simulated nor in every image.
bool offered(const image_tools& tools, const std::string& name) {
  return tools.kind == image_tools::family::busybox || tools.has(name);
}

/// PATH of images that lack programs: only what they have.
constexpr const char* common_programs[] = {
    "awk",    "base64",   "basename", "cat",      "chmod", "chown", "cp",       "cut",
    "diff",   "dirname",  "du",       "egrep",    "env",   "expr",  "fgrep",    "find",
    "grep",   "gunzip",   "gzip",     "head",     "ln",    "ls",    "md5sum",   "mkdir",
    "mktemp", "mv",       "nl",       "nohup",    "od",    "paste", "printenv", "printf",
    "pwd",    "readlink", "realpath", "rm",       "rmdir", "sed",   "seq",      "sha256sum",
    "sort",   "split",    "stat",     "sync",     "tac",   "tail",  "tar",      "tee",
    "test",   "timeout",  "tr",       "truncate", "uniq",  "wc",    "xargs",    "yes",
    "which"};

std::string path_of_object(const char* wanted) {
  struct search {
    const char* wanted;
    std::string found;
  } s{wanted, {}};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto* to = static_cast<search*>(data);
        std::string name = info->dlpi_name ? info->dlpi_name : "";
        auto slash = name.rfind('/');
        if (slash != std::string::npos &&
            name.compare(slash + 1, std::string::npos, to->wanted) == 0) {
          to->found = name;
        }
        return 0;
      },
      &s);
  return s.found;
}

std::string canonical(const std::string& path) {
  std::error_code ec;
  auto real = std::filesystem::canonical(path, ec);
  return ec ? std::string{} : real.string();
}

} // namespace

bool is_real_program(const image_tools& tools, const std::string& name) {
  auto slash = name.rfind('/');
  auto own = slash == std::string::npos ? name : name.substr(slash + 1);
  if (tools.kind == image_tools::family::none || tools.lacks.count(own)) return false;
  bool simulated = shell_commands().count(own) > 0 && own != "touch" && own != "dd";
  return !simulated && (own == "touch" || own == "dd" ||
                        std::find(std::begin(common_programs), std::end(common_programs), own) !=
                            std::end(common_programs));
}

std::map<std::string, std::string> bash_binds() {
  auto libc = path_of_object("libc.so.6");
  auto library = libc.substr(0, libc.rfind('/') + 1) + "libtinfo.so.6";
  auto real_library = canonical(library), bash = canonical("/bin/bash");
  if (libc.empty() || real_library.empty() || bash.empty()) return {};
  return {{"/bin/bash", bash}, {library, real_library}};
}

std::vector<tools::sandbox_file> shell_files(const cluster& c, const json& pod,
                                             const std::string& container) {
  std::vector<tools::sandbox_file> out;
  const auto* runtime = c.node().find(pod["metadata"].value("uid", ""));
  const auto* runs = runtime ? runtime->find(container) : nullptr;
  if (!runs) return out;
  for (auto& [path, content] : container_files(c, pod, *runs)) {
    out.push_back({path, std::move(content), false});
  }
  for (auto& file : out) {
    auto kept = runs->files.find(file.path);
    if (kept != runs->files.end()) file.executable = kept->second.executable;
  }
  out.push_back({files_keeper, keeper, true});
  out.push_back({"/.remed/made", "", false}); // so that the folder is there
  const auto& tools = tools_of_image(runs->image);
  for (const auto& [name, function] : shell_commands()) {
    if (real_ones.count(name)) continue;
    out.push_back({"/bin/" + name, asker, true});
    if (tools.kind != image_tools::family::busybox && offered(tools, name)) {
      out.push_back({"/usr/local/bin/" + name, "#!/bin/sh\nexec /bin/" + name + " \"$@\"\n", true});
    }
  }
  if (tools.kind == image_tools::family::busybox) return out;
  for (const auto* name : common_programs) {
    out.push_back({std::string("/usr/local/bin/") + name,
                   std::string("#!/bin/sh\nexec /bin/busybox ") + name + " \"$@\"\n", true});
  }
  for (const auto& name : tools.extra) {
    out.push_back(
        {"/usr/local/bin/" + name,
         "#!/bin/sh\necho \"" + name + ": not simulated in this container\" >&2\nexit 126\n",
         true});
  }
  return out;
}

} // namespace remed::env
