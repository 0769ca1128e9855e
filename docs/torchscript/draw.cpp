// Draw a picture with pyramid.pt through libtorch, from unit noises in a file.
//
// Build: g++ -std=c++20 -I<torch>/include -I<torch>/include/torch/csrc/api/include draw.cpp -o draw -L<torch>/lib
//            -ltorch -ltorch_cpu -lc10          (<torch> is libtorch, or the folder of the Python package)
// Usage: ./draw BUNDLE/torchscript/pyramid.pt NOISES OUT CxHxW [CxHxW ...]
//
// NOISES holds float32 values: the unit noise of every scale, the coarsest first, C x H x W values each
// (canvas and halo). OUT gets the image, float32 (channels, height, width) in [-1, 1].

#include <torch/script.h>

#include <cstdio>
#include <fstream>
#include <iostream>

int main(int argc, char** argv) {
  if (argc < 5) {
    std::cerr << "usage: draw PYRAMID.pt NOISES OUT CxHxW [CxHxW ...]\n";
    return 2;
  }
  auto pyramid = torch::jit::load(argv[1]);
  c10::List<at::Tensor> noises;
  std::ifstream in(argv[2], std::ios::binary);
  for (int argument = 4; argument < argc; ++argument) {
    long channels = 0, height = 0, width = 0;
    if (std::sscanf(argv[argument], "%ldx%ldx%ld", &channels, &height, &width) != 3) return 2;
    at::Tensor noise = torch::empty({1, channels, height, width});
    in.read(static_cast<char*>(noise.data_ptr()), static_cast<std::streamsize>(noise.nbytes()));
    noises.push_back(noise);
  }
  if (!in) {
    std::cerr << argv[2] << ": fewer values than the sizes need\n";
    return 1;
  }
  torch::NoGradGuard no_gradients;
  const at::Tensor image = pyramid.forward({noises}).toTensor().contiguous();
  std::ofstream out(argv[3], std::ios::binary);
  out.write(static_cast<const char*>(image.data_ptr()), static_cast<std::streamsize>(image.nbytes()));
  return out ? 0 : 1;
}
