// Gradients of a module between `backward` and `step`: sums over several tapes, norms, clipping.
//
//   Gradients sum = tape.backward(loss);
//   ... another tape: accumulate(net, sum, tape.backward(loss));
//   clip_norm(net, sum, 1.0);
//   optimizer.step(sum);
//
// Orders     parameters as `visit` shows them, elements as they lie; squares are added in float64. On a CUDA device the values visit the host.
#pragma once

#include "nn/modules/module.h"

namespace vitrine {

// sum += more for every parameter of the module, in float32; one that has a gradient in one of them alone keeps that.
void accumulate(const std::vector<ModuleTensor>& tensors, Gradients& sum, const Gradients& more);
template <class Module>
requires requires(Module& module, const Visitor& v) { module.visit(v); }
void accumulate(Module& module, Gradients& sum, const Gradients& more) { accumulate(tensors_of(module), sum, more); }

// The Euclidean norm of all gradients together.
double gradient_norm(const std::vector<ModuleTensor>& tensors, const Gradients& gradients);
template <class Module>
requires requires(Module& module, const Visitor& v) { module.visit(v); }
double gradient_norm(Module& module, const Gradients& gradients) { return gradient_norm(tensors_of(module), gradients); }

// Scales all of them by most / norm where the norm is larger (Pascanu et al. 2013, arXiv:1211.5063, alg. 1). Returns the norm before.
// UsageError unless most > 0; NumericalError when the norm is not finite.
double clip_norm(const std::vector<ModuleTensor>& tensors, Gradients& gradients, double most);
template <class Module>
requires requires(Module& module, const Visitor& v) { module.visit(v); }
double clip_norm(Module& module, Gradients& gradients, double most) { return clip_norm(tensors_of(module), gradients, most); }

}  // namespace vitrine
