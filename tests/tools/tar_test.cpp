#include "tools/tar.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>

using namespace remed::tools;

namespace {

std::string entry(const std::string& name, const std::string& content, int mode = 0644,
                  char type = '0') {
  std::string head(512, '\0');
  auto put = [&](std::size_t at, const std::string& text) { head.replace(at, text.size(), text); };
  char size[13], bits[8];
  std::snprintf(size, sizeof size, "%011zo", content.size());
  std::snprintf(bits, sizeof bits, "%07o", mode);
  put(0, name);
  put(100, bits);
  put(124, size);
  head[156] = type;
  put(257, "ustar");
  auto padded = content;
  padded.resize((content.size() + 511) / 512 * 512, '\0');
  return head + padded;
}

} // namespace

TEST_CASE("a tar archive gives its regular files, whatever their bytes and the length of a name") {
  const std::string bytes("a\0b\n", 4), far = std::string(150, 'd') + "/file";
  auto archive = entry("tmp/", "", 0755, '5') + entry("tmp/x", bytes) +
                 entry("run.sh", "#!", 0755) +
                 entry("././@LongLink", far + std::string(1, '\0'), 0644, 'L') +
                 entry(far.substr(0, 100), "far") + std::string(1024, '\0');
  auto files = read_tar(archive);
  REQUIRE(files.ok());
  CHECK(files->size() == 3);
  CHECK(files->at("tmp/x") == tar_file{bytes, false});
  CHECK(files->at("run.sh").executable);
  CHECK(files->at(far).content == "far");
}

TEST_CASE("a broken tar archive is refused") {
  CHECK_FALSE(read_tar(std::string(600, 'x')).ok());
  CHECK_FALSE(read_tar(entry("a", std::string(5000, 'a')).substr(0, 2048)).ok());
  auto liar = entry("a", "short");
  liar.replace(124, 11, "77777777777");
  CHECK_FALSE(read_tar(liar).ok());
  CHECK(read_tar("").ok());
}
